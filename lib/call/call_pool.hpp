// Object pool of calls, so that a call costs no allocation once the server is warm.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "lib/base/buffer_pool.hpp"
#include "lib/base/prefetch.hpp"
#include "lib/base/release_memory.hpp"
#include "lib/call/active_call.hpp"

namespace sluice::core {

// The calls of one I/O thread, in use and spare. Owns them all: calls still in use when it is destroyed
// (after all workers have ended) are destroyed with it. Not thread-safe.
class CallPool {
 public:
  // Reserves room for all spares at once, so that give() can't fail. The memory of long texts goes to
  // `buffers`, which must outlive the calls in use.
  explicit CallPool(BufferPool& buffers) : buffers_(buffers) { spares_.reserve(kSparesMax); }
  ~CallPool() {
    old_.take_all(young_);
    while (ActiveCall* const call = old_.pop_front()) delete call;
  }

  static constexpr std::size_t kSparesMax = 1024;  // calls kept
  static constexpr std::size_t kSparesAtRest = 64;
  static constexpr std::size_t kBytesAtRest = 2048;  // of each text
  // Of text and reply: the limit of each spare, and the sum of all spares that hold more. Without that sum
  // calls of some 16 KiB would allocate each time, which costs 3 us where the heap ends.
  static constexpr std::size_t kSpareBytesMax = 16 * 1024;
  static constexpr std::size_t kLargeBytesMax = 16 * 1024 * 1024;

  // Memory of the spares above kSpareBytesMax.
  std::size_t large_bytes() const { return large_bytes_; }
  // Whether more is kept than an idle thread may keep.
  bool holds_much() const { return spares_.size() > kSparesAtRest || large_bytes_ > 0; }
  // Releases half of the spares, the least recently used ones. Of the others it releases what exceeds a short
  // text.
  void release_unused() {
    if (spares_.size() > kSparesAtRest) {
      const std::size_t half = (spares_.size() - kSparesAtRest + 1) / 2;
      spares_.erase(spares_.begin(), spares_.begin() + static_cast<std::ptrdiff_t>(half));
    }
    for (const auto& spare : spares_) {
      for (std::string* const held : {&spare->text, &spare->reply}) {
        if (held->capacity() > kBytesAtRest) release_memory(*held);
      }
    }
    large_bytes_ = 0;
  }

  ActiveCall* take() {
    if (spares_.empty()) spares_.push_back(std::make_unique<ActiveCall>());
    ActiveCall* const call = spares_.back().release();
    spares_.pop_back();
    if (!spares_.empty()) prefetch(*spares_.back());
    if (const std::size_t bytes = held_by(*call); bytes > kSpareBytesMax) large_bytes_ -= bytes;
    young_.push_back(*call);
    return call;
  }

  // Calls `visit` for each call in use.
  template <typename Visit>
  void for_each(Visit visit) {
    old_.for_each(visit);
    young_.for_each(visit);
  }
  // Calls `visit` for each call that was taken since the last age().
  template <typename Visit>
  void age(Visit visit) {
    young_.for_each(visit);
    old_.take_all(young_);
  }

  // The call must be in no other list, have no deadline set, and have unpinned its method.
  void give(ActiveCall* call) {
    static_cast<ListHook<InUseTag>&>(*call).unlink();
    std::unique_ptr<ActiveCall> owned(call);
    if (spares_.size() == kSparesMax) return;
    owned->permit.release();
    owned->method = nullptr;
    owned->method_kept.reset();
    owned->grant.reset();
    owned->cancellation.reset();
    owned->text.clear();
    owned->owner = nullptr;
    owned->counts = nullptr;
    owned->id_hash = 0;
    owned->stage = ActiveCall::Stage::starting;
    owned->answered = owned->ran = false;
    if (held_by(*owned) > kSpareBytesMax) limit_large(*owned);
    spares_.push_back(std::move(owned));
  }

 private:
  static std::size_t held_by(const ActiveCall& call) { return call.text.capacity() + call.reply.capacity(); }

  void limit_large(ActiveCall& call) {
    for (std::string* const held : {&call.text, &call.reply}) {
      if (held->capacity() > BufferPool::kBufferBytesMax) buffers_.give(*held);
    }
    const std::size_t bytes = held_by(call);
    if (bytes <= kSpareBytesMax) return;
    if (large_bytes_ + bytes <= kLargeBytesMax) {
      large_bytes_ += bytes;
    } else {
      release_memory(call.text);
      release_memory(call.reply);
    }
  }

  BufferPool& buffers_;
  // In use, oldest first.
  IntrusiveList<ActiveCall, InUseTag> old_;
  IntrusiveList<ActiveCall, InUseTag> young_;
  std::vector<std::unique_ptr<ActiveCall>> spares_;
  std::size_t large_bytes_ = 0;  // of spares that hold more than kSpareBytesMax
};

}  // namespace sluice::core
