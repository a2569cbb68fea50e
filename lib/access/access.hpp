// Who may call what, as it is configured at the moment.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "lib/access/client_list.hpp"
#include "lib/access/peer_table.hpp"

namespace sluice::core {

// Holds the list of clients, which a reload replaces as a whole. Thread-safe: the lock is held to copy a
// pointer. Must outlive the connections.
class Access {
 public:
  // Throws std::invalid_argument for what can't be meant.
  explicit Access(const std::vector<ClientSettings>& clients) { apply(prepare(clients)); }

  // A list to be applied, in which clients that stay keep what they have used of their limits. Throws
  // std::invalid_argument for what can't be meant. One controlling thread only, as apply().
  std::shared_ptr<const ClientList> prepare(const std::vector<ClientSettings>& clients) const;
  void apply(std::shared_ptr<const ClientList> list);

  // Changes with every list that is not the same as the one before; 0 as long as there has been no client.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const ClientList> list() const;

  // What whoever shows these proofs may do. Null: everything, since no clients are configured. Throws
  // std::bad_alloc.
  std::shared_ptr<const Grant> resolve(const Credentials& credentials, TimePoint now);

 private:
  std::atomic<std::uint64_t> version_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const ClientList> list_ = std::make_shared<const ClientList>();  // guarded by mutex_
  const std::shared_ptr<const Grant> nothing_ = std::make_shared<const Grant>();
  PeerTable peers_;
};

}  // namespace sluice::core
