// Time slices: how long one source of work may hold an I/O thread before others are served.
#pragma once

#include <cassert>
#include <chrono>
#include <cstddef>

#include "lib/base/intrusive_list.hpp"

namespace sluice::core {

struct SliceTag;
class PeerShare;

// Work that did not fit into its time slice. A later iteration continues it, in the order of SliceQueue,
// after sockets, timers and completions. I/O thread only.
class SlicedWork : public ListHook<SliceTag> {
 public:
  // A new slice has begun. Postpones itself again if that does not suffice either. Must not throw.
  virtual void on_slice() = 0;

  bool postponed() const { return linked(); }
  // The share that its time is charged to; null: no peer's.
  PeerShare* share() const { return share_; }

 protected:
  SlicedWork() = default;
  ~SlicedWork() { unlink(); }
  // Not while it is postponed. The share outlives this, or is replaced before it ends.
  void set_share(PeerShare* share) {
    assert(!postponed());
    share_ = share;
  }

 private:
  PeerShare* share_ = nullptr;
};

// Time slice of one source. It may be exceeded by up to kUnitsPerLook units of work, since the clock is read
// only that often.
inline constexpr std::chrono::nanoseconds kSliceTime = std::chrono::microseconds(250);
// Sum of all slices of one event-loop iteration. A single source may use the whole time.
inline constexpr std::chrono::nanoseconds kIterationTime = std::chrono::milliseconds(2);
// Window over which the time used by connections and peers is counted.
inline constexpr std::chrono::nanoseconds kUseWindow = std::chrono::milliseconds(20);
// Units of work between two readings of the clock. A unit is a small message, an entry of a batch, or
// kUnitBytes of text: 0.3 to 2 us each.
inline constexpr std::size_t kUnitsPerLook = 16;
inline constexpr std::size_t kUnitBytes = 512;

}  // namespace sluice::core
