// Processor time of a scope, charged to a peer.
#pragma once

#include "lib/loop/io_thread.hpp"

namespace sluice::core {

// Takes the iteration's time anew at both ends. Within another scope, or a slice, all is the outer one's.
// On the I/O thread.
class PeerCharge {
 public:
  PeerCharge(IoThread& io, PeerShare& share) : io_(io), inner_(io.slices().charges()) {
    if (inner_) return;
    io_.update_time();
    io_.slices().begin(share, io_.now());
  }
  ~PeerCharge() {
    if (inner_) return;
    io_.update_time();
    io_.slices().end(io_.now());
  }
  PeerCharge(const PeerCharge&) = delete;
  PeerCharge& operator=(const PeerCharge&) = delete;

 private:
  IoThread& io_;
  const bool inner_;
};

}  // namespace sluice::core
