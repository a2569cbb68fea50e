// Connection limit: in all, and per peer.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "lib/base/peer_key.hpp"

namespace sluice::core {

// For all threads. Thread-safe. The lock is taken only with a limit per peer: when a connection is accepted
// and when it ends.
class ConnectionLimit {
 public:
  explicit ConnectionLimit(std::size_t max, std::size_t max_per_peer = 0)
      : max_(max), max_per_peer_(max_per_peer) {}

  // A permit for one connection; released when it is destroyed.
  class Permit {
   public:
    explicit Permit(ConnectionLimit* limit = nullptr) : limit_(limit) {}
    Permit(Permit&& other) noexcept
        : limit_(std::exchange(other.limit_, nullptr)), peer_(std::exchange(other.peer_, std::nullopt)) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit() {
      if (limit_ != nullptr) limit_->leave(peer_);
    }
    explicit operator bool() const { return limit_ != nullptr; }

    // Also acquires one of the peer's permits. False if the peer has reached its limit. Throws
    // std::bad_alloc.
    bool join(const PeerKey& peer) {
      if (!limit_->try_join(peer)) return false;
      peer_ = peer;
      return true;
    }
    // Whether there is a limit per peer, and this permit has no peer yet.
    bool lacks_peer() const { return limit_ != nullptr && limit_->per_peer() && !peer_; }

   private:
    ConnectionLimit* limit_;
    std::optional<PeerKey> peer_;
  };

  Permit try_acquire() {
    if (count_.fetch_add(1, std::memory_order_relaxed) < max_.load(std::memory_order_relaxed))
      return Permit(this);
    count_.fetch_sub(1, std::memory_order_relaxed);
    return Permit();
  }
  // Whether there is a limit per peer. Connections from before it was set are not counted.
  bool per_peer() const { return max_per_peer_.load(std::memory_order_relaxed) > 0; }

  void set_max(std::size_t max) { max_.store(max, std::memory_order_relaxed); }
  // 0: no limit.
  void set_max_per_peer(std::size_t max) { max_per_peer_.store(max, std::memory_order_relaxed); }
  std::size_t count_approx() const { return count_.load(std::memory_order_relaxed); }

 private:
  bool try_join(const PeerKey& peer) {
    const std::size_t most = max_per_peer_.load(std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    std::size_t& count = peers_[peer];
    if (most > 0 && count >= most) return false;
    ++count;
    return true;
  }
  void leave(const std::optional<PeerKey>& peer) {
    if (peer) {
      const std::lock_guard lock(mutex_);
      const auto found = peers_.find(*peer);
      if (--found->second == 0) peers_.erase(found);
    }
    count_.fetch_sub(1, std::memory_order_relaxed);
  }

  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> max_;
  std::atomic<std::size_t> max_per_peer_;
  std::mutex mutex_;
  // Guarded by mutex_. At most as many as there are counted connections.
  std::unordered_map<PeerKey, std::size_t, PeerKey::Hash> peers_;
};

}  // namespace sluice::core
