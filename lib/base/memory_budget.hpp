// Memory budget: what all connections hold, against max_memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::core {

// Each I/O thread counts in a share of its own. The sum is computed when a share has changed by much, not for
// each message. Memory of disconnected clients' calls and of pools is counted as well. In the last quarter
// below the maximum no large message is accepted (`exceeded`): that room is for messages that have begun. In
// the last eighth the connections that hold most are closed (`relief_due`), as long as connections hold the
// memory. The rest covers the allocator's own share and replies being composed.
class MemoryBudget {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
  // Memory of a connection is counted in steps of this size: it may hold so much more or less.
  static constexpr std::size_t kSlackBytes = 16 * 1024;
  // A decrease that is worth releasing to the system.
  static constexpr std::size_t kReleaseBytes = 1024 * 1024;
  // A number of ended connections that is worth it too: each held some uncounted kilobytes.
  static constexpr std::size_t kReleaseEnds = 256;

  // One thread's part. Only that thread calls its members, except the reading ones.
  class Share {
   public:
    std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
    // Memory that belongs to no connection.
    std::size_t unowned() const { return unowned_.load(std::memory_order_relaxed); }
    // Memory of the largest connection, as far as it is known.
    std::size_t largest() const { return largest_.load(std::memory_order_relaxed); }
    void set_largest(std::size_t bytes) { largest_.store(bytes, std::memory_order_relaxed); }

   private:
    friend class MemoryBudget;
    alignas(64) std::atomic<std::size_t> bytes_{0};
    std::atomic<std::size_t> unowned_{0};
    std::atomic<std::size_t> largest_{0};
    std::size_t ends_ = 0;           // ended connections since the last on_release()
    std::size_t peak_ = 0;           // highest sum of both since the last on_release()
    std::function<void()> relieve_;  // has the thread close its largest connection. Any thread
  };

  explicit MemoryBudget(std::size_t max = kUnlimited) : max_(max) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // Call before the threads run. The share lives as long as this.
  Share& add_share(std::function<void()> relieve) {
    shares_.push_back(std::make_unique<Share>());
    shares_.back()->relieve_ = std::move(relieve);
    return *shares_.back();
  }
  // Called when much less is held than before. Set it before the threads run; any thread calls it.
  void on_release(std::function<void()> task) { on_release_ = std::move(task); }
  // Called when much_held() has changed. As above.
  void on_much_held(std::function<void()> task) { on_much_held_ = std::move(task); }

  // Any thread.
  void set_max(std::size_t max) {
    max_.store(max, std::memory_order_seq_cst);
    look();
  }
  std::size_t max() const { return max_.load(std::memory_order_relaxed); }
  std::size_t held_approx() const {
    std::size_t sum = 0;
    for (const auto& share : shares_) sum += share->bytes() + share->unowned();
    return sum;
  }
  // One read of a value that rarely changes.
  bool exceeded() const { return exceeded_.load(std::memory_order_relaxed); }
  bool relief_due() const { return exceeded() && held_approx() > relief_bytes() && relief_helps(); }
  // True from an eighth of the maximum on, until it is less than a sixteenth.
  bool much_held() const { return much_held_.load(std::memory_order_relaxed); }
  // Whether connections hold more than half of the maximum. If not, closing all of them would not help.
  bool relief_helps() const {
    std::size_t sum = 0;
    for (const auto& share : shares_) sum += share->bytes();
    return sum > max() / 2;
  }

  // One of the share's connections holds `now` bytes, and held `before`. May throw what the call for relief
  // throws.
  void count(Share& share, std::size_t before, std::size_t now) {
    share.bytes_.store(share.bytes() - before + now, std::memory_order_seq_cst);
    if (now > share.largest()) share.set_largest(now);
    changed(share);
    if (now > before && relief_due()) ask_for_relief();
  }
  // The share's thread holds this many bytes that belong to no connection. May throw as count() may.
  void count_unowned(Share& share, std::size_t now) {
    const std::size_t before = share.unowned();
    share.unowned_.store(now, std::memory_order_seq_cst);
    changed(share);
    if (now > before && relief_due()) ask_for_relief();
  }

  void note_end(Share& share) {
    if (++share.ends_ < kReleaseEnds) return;
    share.ends_ = 0;
    if (on_release_) on_release_();
  }

  // Has the thread with the largest connection close it.
  void ask_for_relief() {
    const auto heaviest = std::max_element(
        shares_.begin(), shares_.end(),
        [](const auto& left, const auto& right) { return left->largest() < right->largest(); });
    if (heaviest != shares_.end() && (*heaviest)->relieve_) (*heaviest)->relieve_();
  }

 private:
  std::size_t relief_bytes() const { return max() - max() / 8; }
  void changed(Share& share) {
    const std::size_t sum = share.bytes() + share.unowned();
    share.peak_ = std::max(share.peak_, sum);
    look();
    if (sum + kReleaseBytes > share.peak_) return;
    share.peak_ = sum;
    if (on_release_) on_release_();
  }
  // Another thread may have stored its result before this one counted, or this one may be late itself. So a
  // thread that stores checks again, and the last result holds. Otherwise memory might seem short for ever,
  // since refused connections are not counted. All accesses are sequentially consistent for that.
  void look() {
    for (;;) {
      std::size_t sum = 0;
      for (const auto& share : shares_) {
        sum +=
            share->bytes_.load(std::memory_order_seq_cst) + share->unowned_.load(std::memory_order_seq_cst);
      }
      const std::size_t most = max_.load(std::memory_order_seq_cst);
      const bool over = sum > most - most / 4;
      const bool much_before = much_held_.load(std::memory_order_seq_cst);
      const bool much = sum > most / (much_before ? 16 : 8);
      if (over == exceeded_.load(std::memory_order_seq_cst) && much == much_before) return;
      exceeded_.store(over, std::memory_order_seq_cst);
      much_held_.store(much, std::memory_order_seq_cst);
      if (much != much_before && on_much_held_) on_much_held_();
    }
  }

  std::vector<std::unique_ptr<Share>> shares_;
  std::function<void()> on_release_;
  std::function<void()> on_much_held_;
  std::atomic<std::size_t> max_;
  std::atomic<bool> exceeded_{false};
  std::atomic<bool> much_held_{false};
};

}  // namespace sluice::core
