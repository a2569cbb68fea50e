// Listener policy: rules for all connections of one listener, beyond the server's limits.
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

// Immutable once it is shared; a reload replaces it.
struct ListenerPolicy {
  std::string http_path = "/";
  std::vector<std::string> allowed_origins;  // as browsers send them; "*" for any
  std::vector<std::string> allowed_hosts;    // accepted Host names of a loopback listener
  std::vector<std::string> allowed_headers;  // accepted from pages, beside the usual ones
  std::vector<std::string> subprotocols;     // of WebSocket, beside the usual ones
  std::string health_path = "/readyz";       // empty: none
  std::string events_path;                   // at which GET is answered by events; empty: none
  bool proxy_protocol = false;               // a PROXY header is required
  // Only names of this machine are answered: another name that leads here is rebound (DNS rebinding). Set for
  // TCP on loopback. A Unix socket can't be reached by name, and other addresses may have any name.
  bool loopback_names_only = false;
  std::vector<std::string> loopback_names;  // from the hosts file, sorted; beside localhost
  std::shared_ptr<const TlsContext> tls;    // TLS that its connections must or may begin with; null for none
};

using SharedPolicy = std::shared_ptr<const ListenerPolicy>;

// The current policy of a listener, for its connections. Thread-safe: the lock is held to copy a pointer.
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
  // Changes with each set(). A policy that is fetched after reading it is at least as new.
  std::uint32_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  SharedPolicy policy_;
  std::atomic<std::uint32_t> version_{0};
};

}  // namespace sluice::core
