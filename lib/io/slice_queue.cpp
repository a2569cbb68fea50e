#include "lib/io/slice_queue.hpp"

#include <algorithm>

namespace sluice::core {

PeerShare& SliceQueue::join(const PeerKey& peer) {
  PeerShare& share = peers_[peer];
  ++share.members_;
  return share;
}

void SliceQueue::leave(const PeerKey& peer) {
  const auto found = peers_.find(peer);
  PeerShare& share = found->second;
  if (--share.members_ > 0) return;
  share.unlink();
  if (popped_ == &share) popped_ = nullptr;
  if (last_ == &share) last_ = nullptr;
  peers_.erase(found);
}

void SliceQueue::push(SlicedWork& work) {
  if (work.linked()) return;
  PeerShare& share = work.share() != nullptr ? *work.share() : common_;
  share.waiting_.push_back(work);
  if (share.linked()) return;
  // Earlier debts count for as long as one iteration lasts.
  share.credit_ = std::clamp<std::chrono::nanoseconds>(share.credit_, -kIterationTime, kSliceTime);
  active_.push_back(share);
}

SlicedWork* SliceQueue::pop() {
  popped_ = nullptr;
  while (PeerShare* const share = active_.front()) {
    if (share->waiting_.empty()) {
      share->unlink();
      continue;
    }
    const bool alone = active_.back() == share;
    if (share->credit_ <= std::chrono::nanoseconds(0) && !alone) {
      share->credit_ = std::max<std::chrono::nanoseconds>(share->credit_, -kIterationTime) + kSliceTime;
      share->unlink();
      active_.push_back(*share);
      continue;
    }
    popped_ = share;
    return share->waiting_.pop_front();
  }
  return nullptr;
}

}  // namespace sluice::core
