// Peer table: use of the limits of anonymous callers, by peer.
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

// Thread-safe; the lock is held to look up or add one entry. Bounded: when it is full, an unused entry (no
// connection, no call, a full bucket) makes room. If none of the entries looked at is unused, newcomers share
// one entry and so one client's limits. So no peer gets more than is allowed, and entries in use stay.
class PeerTable {
 public:
  static constexpr std::size_t kPeersMax = 16 * 1024;

  explicit PeerTable(std::size_t peers_max = kPeersMax) : peers_max_(peers_max) {}

  // Throws std::bad_alloc.
  std::shared_ptr<Usage> usage_of(const std::string& peer, TimePoint now);

 private:
  static constexpr std::size_t kLooksMax = 16;  // entries that are checked to make room for one

  struct Entry {
    std::string peer;
    std::shared_ptr<Usage> usage;
  };

  void make_room(TimePoint now);

  const std::size_t peers_max_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // least recently checked first; this and the following are guarded by mutex_
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_peer_;
  const std::shared_ptr<Usage> shared_ = std::make_shared<Usage>();
};

}  // namespace sluice::core
