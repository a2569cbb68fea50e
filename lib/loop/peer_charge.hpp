// Processor time of a scope, charged to a peer.
#pragma once

#include "lib/loop/event_loop.hpp"

namespace sluice::core {

// Reads the time at both ends. Within another scope, or a slice, the outer one is charged. I/O thread only.
class PeerCharge {
 public:
  PeerCharge(EventLoop& loop, PeerShare& share) : loop_(loop), inner_(loop.slices().charges()) {
    if (inner_) return;
    loop_.update_time();
    loop_.slices().begin(share, loop_.now());
  }
  ~PeerCharge() {
    if (inner_) return;
    loop_.update_time();
    loop_.slices().end(loop_.now());
  }
  PeerCharge(const PeerCharge&) = delete;
  PeerCharge& operator=(const PeerCharge&) = delete;

 private:
  EventLoop& loop_;
  const bool inner_;
};

}  // namespace sluice::core
