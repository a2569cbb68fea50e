// Buffer pool: recycled memory of strings that are read into and written from.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "lib/base/release_memory.hpp"

namespace sluice::core {

// Keeps buffers for reuse: idle connections hold none, busy ones allocate none. Buffers are swapped with the
// caller's string, which costs half of moving them. Not thread-safe.
class BufferPool {
 public:
  static constexpr std::size_t kBuffersMax = 64;
  static constexpr std::size_t kBuffersAtRest = 4;
  static constexpr std::size_t kBufferBytesMin = 64;  // smaller ones are not worth keeping
  static constexpr std::size_t kBufferBytesMax = 256 * 1024;

  // Longer buffers are kept apart, for callers that need as much: up to this sum, and only while they are
  // used.
  static constexpr std::size_t kLongBytesMax = 64 * 1024 * 1024;

  // Reserves room for all buffers at once, so that give() can't fail.
  BufferPool() : buffers_(kBuffersMax) { long_.reserve(kLongBytesMax / kBufferBytesMax); }

  // Gives the empty `buffer` the memory of a kept one, if it has none of its own.
  void take(std::string& buffer) {
    assert(buffer.empty());
    if (count_ > 0 && !has_memory(buffer)) buffer.swap(buffers_[--count_]);
  }

  // Gives `buffer` a capacity of `bytes`, if that is more than it has and a kept long buffer has it;
  // otherwise `buffer` stays as it is. Its content stays in any case. Does not throw.
  // The kept buffer may be at most `slack` times as large, since memory is counted by size.
  void widen(std::string& buffer, std::size_t bytes, std::size_t slack = 2) {
    if (bytes <= kBufferBytesMax || buffer.capacity() >= bytes) return;
    const auto found = std::find_if(long_.rbegin(), long_.rend(), [=](const LongBuffer& kept) {
      const std::size_t room = kept.memory.capacity();
      return room >= bytes && room / slack <= bytes;
    });
    if (found == long_.rend()) return;
    std::string wide;
    wide.swap(found->memory);
    long_bytes_ -= wide.capacity();
    long_.erase(std::next(found).base());
    wide.assign(buffer);
    buffer.swap(wide);
    give(wide);
  }

  // Widens a buffer that will grow: with memory up to four times as large, or new memory of twice the size if
  // none is kept. Its old memory is kept for others.
  void grow(std::string& buffer, std::size_t bytes) {
    if (bytes <= kBufferBytesMax) return;
    widen(buffer, bytes, 4);
    if (buffer.capacity() >= bytes) return;
    std::string wider;
    wider.reserve(2 * bytes);
    wider += buffer;
    buffer.swap(wider);
    give(wider);
  }

  // Takes the memory of `buffer`, and leaves it empty.
  void give(std::string& buffer) {
    buffer.clear();
    if (buffer.capacity() > kBufferBytesMax) return keep_long(buffer);
    if (has_memory(buffer)) keep(buffer);
  }

  bool holds_long() const { return !long_.empty(); }
  std::size_t long_bytes() const { return long_bytes_; }
  // Releases the memory of all long buffers.
  void release_long() { release_oldest(long_.size()); }
  // Whether more is kept than an idle thread may keep.
  bool holds_much() const { return !long_.empty() || count_ > kBuffersAtRest; }
  // Releases long buffers that were not used since the last call, and half of the others, the least recently
  // used ones.
  void release_unused() {
    release_half();
    const auto used =
        std::ranges::find(long_, looks_, [](const LongBuffer& kept) { return kept.given_after_looks; });
    release_oldest(static_cast<std::size_t>(used - long_.begin()));
    ++looks_;
  }

 private:
  struct LongBuffer {
    std::string memory;
    std::uint64_t given_after_looks;
  };

  static bool has_memory(const std::string& buffer) { return buffer.capacity() > std::string().capacity(); }
  void keep(std::string& buffer) {
    const std::size_t bytes = buffer.capacity();
    if (count_ == kBuffersMax || bytes < kBufferBytesMin) {
      release_memory(buffer);
    } else {
      buffer.swap(buffers_[count_++]);
    }
  }
  // Replaces the oldest long buffer, which is perhaps not needed any more.
  void keep_long(std::string& buffer) {
    const std::size_t bytes = buffer.capacity();
    if (bytes > kLongBytesMax) return release_memory(buffer);
    while (long_bytes_ + bytes > kLongBytesMax) release_oldest(1);
    long_bytes_ += bytes;
    long_.push_back({{}, looks_});
    long_.back().memory.swap(buffer);
  }
  void release_half() {
    if (count_ <= kBuffersAtRest) return;
    const std::size_t half = (count_ - kBuffersAtRest + 1) / 2;
    const auto begin = buffers_.begin();
    std::rotate(begin, begin + static_cast<std::ptrdiff_t>(half),
                begin + static_cast<std::ptrdiff_t>(count_));
    const std::size_t left = count_ - half;
    while (count_ > left) release_memory(buffers_[--count_]);
  }
  void release_oldest(std::size_t count) {
    const auto end = long_.begin() + static_cast<std::ptrdiff_t>(count);
    for (auto kept = long_.begin(); kept != end; ++kept) long_bytes_ -= kept->memory.capacity();
    long_.erase(long_.begin(), end);
  }

  std::vector<std::string> buffers_;  // the first count_ have memory
  std::size_t count_ = 0;
  std::vector<LongBuffer> long_;  // in the order in which they were kept
  std::size_t long_bytes_ = 0;    // sum of their memory
  std::uint64_t looks_ = 0;       // number of release_unused() calls, by which disuse shows
};

}  // namespace sluice::core
