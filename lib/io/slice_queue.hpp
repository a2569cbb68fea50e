// Queue of postponed work: deficit round robin (Shreedhar & Varghese 1995) between peers, by processor time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <unordered_map>

#include "lib/base/deadline_wheel.hpp"
#include "lib/base/intrusive_list.hpp"
#include "lib/base/peer_key.hpp"
#include "lib/io/time_slice.hpp"

namespace sluice::core {

struct PeerShareTag;

// What one peer's connections take of an I/O thread's time, together. I/O thread only.
class PeerShare : public ListHook<PeerShareTag> {
 private:
  friend class SliceQueue;
  IntrusiveList<SlicedWork, SliceTag> waiting_;  // in the order of arrival
  std::chrono::nanoseconds credit_{0};           // negative: it has had more than its turn
  std::chrono::nanoseconds excess_{0};           // what it took beyond half of the time, by charged_at_
  TimePoint charged_at_;
  std::size_t members_ = 0;
};

// However many connections a peer has, it gets half of the thread at most while one other peer has work as
// well. Peers take turns of kSliceTime; what one takes longer is charged to its next turns. Within a peer the
// order is that of arrival. I/O thread only.
class SliceQueue {
 public:
  SliceQueue() = default;
  SliceQueue(const SliceQueue&) = delete;
  SliceQueue& operator=(const SliceQueue&) = delete;

  // The share of a peer, which lasts until leave() has been called as often. Throws std::bad_alloc.
  PeerShare& join(const PeerKey& peer);
  // Nothing of this member may be in the queue.
  void leave(const PeerKey& peer);
  // The share of work that belongs to no peer.
  PeerShare& common() { return common_; }

  // Does nothing where it waits already. Does not throw.
  void push(SlicedWork& work);
  // What is to run next, or null. Its time is to be told by charge_popped().
  SlicedWork* pop();
  void charge_popped(TimePoint now, std::chrono::nanoseconds used) {
    if (popped_ != nullptr) charge(*popped_, now, used);
  }
  bool empty() const { return active_.empty(); }

  // A peer's work, postponed or not, took so long.
  void charge(PeerShare& share, TimePoint now, std::chrono::nanoseconds used) {
    if (&share != last_) change_peer(share, now);
    share.excess_ = std::min(excess(share, now) + used, kExcessMax);
    share.charged_at_ = now;
    share.credit_ -= used;
  }
  // Whether a peer takes more than half of the time while another has work as well.
  bool over_half(const PeerShare& share, TimePoint now) const {
    return share.excess_ > kExcessAllowed && now - competed_at_ <= kUseWindow &&
           excess(share, now) > kExcessAllowed;
  }

 private:
  static constexpr std::chrono::nanoseconds kExcessAllowed = kIterationTime;
  static constexpr std::chrono::nanoseconds kExcessMax = kUseWindow / 2;

  static std::chrono::nanoseconds excess(const PeerShare& share, TimePoint now) {
    return std::max<std::chrono::nanoseconds>(share.excess_ - (now - share.charged_at_) / 2, {});
  }
  void change_peer(PeerShare& share, TimePoint now) {
    if (last_ != nullptr) competed_at_ = now;
    last_ = &share;
  }

  std::unordered_map<PeerKey, PeerShare, PeerKey::Hash> peers_;  // as many as there are connections, at most
  PeerShare common_;
  IntrusiveList<PeerShare, PeerShareTag>
      active_;                   // those with waiting work, and perhaps some whose work has gone
  PeerShare* popped_ = nullptr;  // whose work runs
  PeerShare* last_ = nullptr;    // who was charged last
  TimePoint competed_at_;        // when another than before was charged
};

// Makes a connection one of its peer's.
class PeerMembership {
 public:
  // Without a key its work is nobody's in particular. Throws std::bad_alloc.
  PeerMembership(SliceQueue& queue, const std::optional<PeerKey>& peer)
      : queue_(queue), peer_(peer), share_(peer ? &queue.join(*peer) : &queue.common()) {}
  ~PeerMembership() {
    if (peer_) queue_.leave(*peer_);
  }
  PeerMembership(const PeerMembership&) = delete;
  PeerMembership& operator=(const PeerMembership&) = delete;

  PeerShare& share() const { return *share_; }
  void move_to(const PeerKey& peer) {
    PeerShare& joined = queue_.join(peer);
    if (peer_) queue_.leave(*peer_);
    peer_ = peer;
    share_ = &joined;
  }

 private:
  SliceQueue& queue_;
  std::optional<PeerKey> peer_;
  PeerShare* share_;
};

}  // namespace sluice::core
