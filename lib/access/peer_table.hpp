// What anonymous callers have used of their limits, by who their peer is.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lib/access/client.hpp"

namespace sluice::core {

// Thread-safe; the lock is held to look up or add one entry. Bounded: when it is full, an entry that is of
// no more use (no connection, no call, a full bucket) makes room. Where none of those looked at is,
// newcomers share one entry, and so one client's limits, between them: nobody gets more than is allowed,
// and whoever has an entry keeps it.
class PeerTable {
 public:
  static constexpr std::size_t kPeersMax = 16 * 1024;

  explicit PeerTable(std::size_t peers_max = kPeersMax) : peers_max_(peers_max) {}

  // Throws std::bad_alloc.
  std::shared_ptr<Usage> usage_of(const std::string& peer, TimePoint now);

 private:
  static constexpr std::size_t kLooksMax = 16;  // entries looked at to make room for one

  struct Entry {
    std::string peer;
    std::shared_ptr<Usage> usage;
  };

  void make_room(TimePoint now);

  const std::size_t peers_max_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the longest unused first; guarded by mutex_, as what follows
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_peer_;
  const std::shared_ptr<Usage> shared_ = std::make_shared<Usage>();
};

}  // namespace sluice::core
