// Access control: the configured clients, and what a connection's credentials allow.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "lib/access/client_list.hpp"
#include "lib/access/peer_table.hpp"

namespace sluice::core {

// The current list of clients, which a reload replaces as a whole. Thread-safe: the lock is held to copy a
// pointer. Must outlive the connections.
class Access {
 public:
  // Throws std::invalid_argument for invalid or contradictory settings.
  explicit Access(const std::vector<ClientSettings>& clients) { apply(prepare(clients)); }

  // Prepares a list for apply(). Clients that stay keep what they have used of their limits. Throws
  // std::invalid_argument for invalid or contradictory settings. Only the controlling thread calls this and
  // apply().
  std::shared_ptr<const ClientList> prepare(const std::vector<ClientSettings>& clients) const;
  void apply(std::shared_ptr<const ClientList> list);

  // Changes with every list that is not the same as the one before; 0 as long as there has been no client.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const ClientList> list() const;

  // The rights of a connection with these credentials. Null: it may call everything, since no clients are
  // configured. Throws std::bad_alloc.
  std::shared_ptr<const Grant> resolve(const Credentials& credentials, TimePoint now);

 private:
  std::atomic<std::uint64_t> version_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const ClientList> list_ = std::make_shared<const ClientList>();  // guarded by mutex_
  const std::shared_ptr<const Grant> nothing_ = std::make_shared<const Grant>();
  PeerTable peers_;
};

}  // namespace sluice::core
