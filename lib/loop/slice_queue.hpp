// Queue of postponed work: deficit round robin (Shreedhar & Varghese 1995) between peers, by processor time.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "lib/base/intrusive_list.hpp"
#include "lib/base/peer_key.hpp"
#include "lib/loop/time_slice.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "lib/time/mean_time.hpp"

namespace sluice::core {

struct PeerShareTag;

// Share of an I/O thread's time that one peer's connections take together. I/O thread only.
class PeerShare : public ListHook<PeerShareTag> {
 private:
  friend class SliceQueue;
  IntrusiveList<SlicedWork, SliceTag> waiting_;  // in the order of arrival
  std::chrono::nanoseconds credit_{0};           // time credit in slices; negative: a slice took longer
  std::chrono::nanoseconds excess_{0};           // time beyond half of the thread's, as of charged_at_
  TimePoint charged_at_;
  std::size_t members_ = 0;
};

// Work for connections, many at a time, too brief to read the clock for each.
enum class SmallWork : std::uint8_t { read, write, reply };
inline constexpr std::size_t kSmallWorks = 3;

// All connections of a peer together get one slice of kSliceTime in a round. Time beyond that is charged to
// the peer's next rounds. Within a peer the order is that of arrival. Work that did not wait here is charged
// as well. So a peer that takes more than half of the thread's time can be made to wait here. The work of
// disconnected clients counts as one more peer. I/O thread only.
class SliceQueue {
 public:
  SliceQueue() = default;
  SliceQueue(const SliceQueue&) = delete;
  SliceQueue& operator=(const SliceQueue&) = delete;

  // The share of a peer. It lasts until leave() has been called once for each join(). Throws std::bad_alloc.
  PeerShare& join(const PeerKey& peer);
  // Work of this member must not be in the queue.
  void leave(const PeerKey& peer);
  // The share of work that belongs to no peer.
  PeerShare& common() { return common_; }

  // No effect if the work already waits. Does not throw.
  void push(SlicedWork& work, TimePoint now);
  // Removes the work to run next, or returns null. The caller runs it, then calls end_popped().
  SlicedWork* pop();
  void end_popped(TimePoint now, std::chrono::nanoseconds used);
  // Whether no work waits. Running work does not wait.
  bool empty() const {
    const PeerShare* const front = active_.front();
    return front == nullptr || (front == active_.back() && front->waiting_.empty());
  }

  // A peer's work is processed from now on, until the next begin() or end().
  // No effect while postponed work runs, which is charged as a whole, or for the only peer.
  void begin(PeerShare& share, TimePoint now) {
    if (popped_ != nullptr || !has_competition()) return;
    end(now);
    running_ = &share;
    began_ = now;
  }
  // Begins work on input that has been read, and charges the read as well.
  void begin_read(PeerShare& share, TimePoint now, std::size_t bytes) {
    end(now);
    charge_small(share, now, SmallWork::read, bytes);
    begin(share, now);
  }
  // Whether end() has something to charge, and needs the time for that.
  bool charges() const { return running_ != nullptr; }
  void end(TimePoint now) {
    if (running_ == nullptr) return;
    charged_ += now - began_;
    charge(*running_, now, now - began_);
    running_ = nullptr;
  }

  // Whether peers can delay each other. Only then is small work charged, and timed.
  bool has_competition() const { return peers_.size() > 1; }
  // Charges one piece at the mean time. No effect while the peer's time is measured anyway.
  void charge_small(PeerShare& share, TimePoint now, SmallWork work, std::size_t bytes = 0) {
    if (!has_competition() || popped_ != nullptr || running_ != nullptr) return;
    const auto units = static_cast<std::int64_t>(1 + bytes / kSmallWorkBytes);
    SmallWorkTime& time = small(work);
    time.units += units;
    charge(share, now, units * std::max(time.mean.approx(), kSmallWorkMin));
  }
  // Time of the pieces that were charged since the last call.
  void observe_small(SmallWork work, std::chrono::nanoseconds took) {
    SmallWorkTime& time = small(work);
    if (time.units > 0) [[unlikely]]
      observe(time, took);
  }
  // Sum charged to peers so far, without small work.
  std::chrono::nanoseconds charged() const { return charged_; }
  // Whether a peer takes more than half of the time while another has work as well.
  bool over_half(const PeerShare& share, TimePoint now) const {
    return share.excess_ > kExcessAllowed && now - competed_at_ <= kUseWindow &&
           excess(share, now) > kExcessAllowed;
  }

 private:
  static constexpr std::chrono::nanoseconds kSmallWorkMin = std::chrono::microseconds(1);
  static constexpr std::chrono::nanoseconds kSmallWorkMax = std::chrono::microseconds(20);
  // Number of bytes whose copying takes about as long as a system call.
  static constexpr std::size_t kSmallWorkBytes = 8192;
  static constexpr std::chrono::nanoseconds kExcessAllowed = kIterationTime;
  static constexpr std::chrono::nanoseconds kExcessMax = kUseWindow / 2;

  struct SmallWorkTime {
    MeanTime mean;           // of a unit: one iteration with much other work does not decide it
    std::int64_t units = 0;  // charged since the last measurement
  };

  static void observe(SmallWorkTime& time, std::chrono::nanoseconds took);
  SmallWorkTime& small(SmallWork work) { return small_work_[static_cast<std::size_t>(work)]; }

  static std::chrono::nanoseconds excess(const PeerShare& share, TimePoint now) {
    return std::max<std::chrono::nanoseconds>(share.excess_ - (now - share.charged_at_) / 2, {});
  }
  void charge(PeerShare& share, TimePoint now, std::chrono::nanoseconds used) {
    if (&share != last_) change_peer(share, now);
    share.excess_ = std::min(excess(share, now) + used, kExcessMax);
    share.charged_at_ = now;
    share.credit_ -= used;
  }
  void change_peer(PeerShare& share, TimePoint now) {
    if (last_ != nullptr) competed_at_ = now;
    last_ = &share;
  }

  std::unordered_map<PeerKey, PeerShare, PeerKey::Hash> peers_;  // as many as there are connections, at most
  PeerShare common_;
  IntrusiveList<PeerShare, PeerShareTag>
      active_;                    // peers with waiting work, and perhaps some whose work has ended
  PeerShare* popped_ = nullptr;   // the peer whose work runs
  PeerShare* running_ = nullptr;  // the peer whose input is processed, since began_
  TimePoint began_;
  PeerShare* last_ = nullptr;  // the peer that was charged last
  TimePoint competed_at_;      // when the charged peer changed
  std::array<SmallWorkTime, kSmallWorks> small_work_;
  std::chrono::nanoseconds charged_{0};  // without small work
};

// Membership of a connection in its peer's share.
class PeerMembership {
 public:
  // Without a key, its work belongs to no peer. `queue` outlives this. Throws std::bad_alloc.
  PeerMembership(SliceQueue& queue, const std::optional<PeerKey>& peer)
      : queue_(queue), peer_(peer), share_(peer ? &queue.join(*peer) : &queue.common()) {}
  ~PeerMembership() {
    if (peer_) queue_.leave(*peer_);
  }
  PeerMembership(const PeerMembership&) = delete;
  PeerMembership& operator=(const PeerMembership&) = delete;

  // Valid until move_to() or the end of this.
  PeerShare& share() const { return *share_; }
  // Throws std::bad_alloc; then nothing has changed.
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
