// What holds for all connections of one listener, beyond the server's limits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

class TlsContext;

// Immutable once it is shared; a reload puts another one in its place.
struct ListenerPolicy {
  std::string http_path = "/";
  std::vector<std::string> allowed_origins;  // as browsers send them; "*" for any
  std::vector<std::string> allowed_hosts;    // names for which a loopback listener may be called
  std::vector<std::string> allowed_headers;  // that pages may send, beside the usual ones
  std::vector<std::string> subprotocols;     // of WebSocket, beside the usual ones
  std::string health_path = "/readyz";       // empty: none
  bool proxy_protocol = false;               // a PROXY header is required
  // Only names of this machine are answered: another name that leads here is a rebound one. So for TCP on
  // loopback; a Unix socket can't be reached by name, other addresses may have any.
  bool loopback_names_only = false;
  std::vector<std::string> loopback_names;  // by the hosts file, sorted; beside localhost
  std::shared_ptr<const TlsContext> tls;    // what its connections have to begin with, or may; null for none
};

using SharedPolicy = std::shared_ptr<const ListenerPolicy>;

// The policy of a listener as it is now, for its connections. Thread-safe.
class LivePolicy {
 public:
  explicit LivePolicy(SharedPolicy policy) : policy_(std::move(policy)) {}

  void set(SharedPolicy policy) {
    const std::lock_guard lock(mutex_);
    policy_.swap(policy);
    version_.fetch_add(1, std::memory_order_release);
  }
  SharedPolicy get() const {
    const std::lock_guard lock(mutex_);
    return policy_;
  }
  // Changes with each set(). A policy that is got after it was read is at least as new.
  std::uint32_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  SharedPolicy policy_;
  std::atomic<std::uint32_t> version_{0};
};

}  // namespace sluice::core
