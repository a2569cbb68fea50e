#include "lib/loop/slice_queue.hpp"

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
  for (PeerShare** const each : {&popped_, &running_, &last_}) {
    if (*each == &share) *each = nullptr;
  }
  peers_.erase(found);
}

void SliceQueue::push(SlicedWork& work, TimePoint now) {
  if (work.linked()) return;
  PeerShare& share = work.share() != nullptr ? *work.share() : common_;
  const bool begins = share.waiting_.empty() && &share != popped_;
  share.waiting_.push_back(work);
  // A peer that took little time in the last rounds is served in the next one. What it was charged while it
  // had no work here does not count: others did not wait for it.
  const auto credit = kSliceTime - std::min(excess(share, now), kIterationTime);
  if (begins) share.credit_ = share.linked() ? std::max(share.credit_, credit) : credit;
  if (!share.linked()) active_.push_back(share);
}

SlicedWork* SliceQueue::pop() {
  popped_ = nullptr;
  while (PeerShare* const share = active_.front()) {
    if (share->waiting_.empty()) {
      share->unlink();
      continue;
    }
    const bool alone = active_.back() == share;
    if (share->credit_ <= std::chrono::nanoseconds(0)) {
      // Time that a peer took while it was alone delayed no other peer.
      share->credit_ = alone ? kSliceTime : share->credit_ + kSliceTime;
      share->unlink();
      active_.push_back(*share);
      continue;
    }
    popped_ = share;
    return share->waiting_.pop_front();
  }
  return nullptr;
}

void SliceQueue::end_popped(TimePoint now, std::chrono::nanoseconds used) {
  if (popped_ == nullptr) return;
  charged_ += used;
  charge(*popped_, now, used);
  popped_ = nullptr;
}

void SliceQueue::observe(SmallWorkTime& time, std::chrono::nanoseconds took) {
  time.mean.observe(std::clamp(took / time.units, kSmallWorkMin, kSmallWorkMax));
  time.units = 0;
}

}  // namespace sluice::core
