#include "lib/access/peer_table.hpp"

namespace sluice::core {

std::shared_ptr<Usage> PeerTable::usage_of(const std::string& peer, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_peer_.find(peer); found != by_peer_.end()) {
    entries_.splice(entries_.end(), entries_, found->second);
    return found->second->usage;
  }
  if (entries_.size() >= peers_max_) make_room(now);
  if (entries_.size() >= peers_max_) return shared_;
  std::list<Entry> added;
  added.push_back({peer, std::make_shared<Usage>()});
  by_peer_.emplace(added.back().peer, added.begin());
  entries_.splice(entries_.end(), added);
  return entries_.back().usage;
}

// An entry in use goes to the back, so that the next newcomer checks others.
void PeerTable::make_room(TimePoint now) {
  for (std::size_t looks = 0; looks < kLooksMax && !entries_.empty(); ++looks) {
    const Entry& oldest = entries_.front();
    // Connections and their calls share ownership. While the lock is held, no other thread can acquire it.
    if (oldest.usage.use_count() == 1 && oldest.usage->bucket.full(now)) {
      by_peer_.erase(oldest.peer);
      entries_.pop_front();
      return;
    }
    entries_.splice(entries_.end(), entries_, entries_.begin());
  }
}

}  // namespace sluice::core
