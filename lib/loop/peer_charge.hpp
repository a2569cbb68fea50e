// Processor time of a scope, charged to a peer.
#pragma once

#include "lib/loop/io_thread.hpp"

namespace sluice::core {

// Takes the iteration's time anew at both ends. On the I/O thread.
class PeerCharge {
 public:
  PeerCharge(IoThread& io, PeerShare& share) : io_(io) {
    io_.update_time();
    io_.slices().begin(share, io_.now());
  }
  ~PeerCharge() {
    io_.update_time();
    io_.slices().end(io_.now());
  }
  PeerCharge(const PeerCharge&) = delete;
  PeerCharge& operator=(const PeerCharge&) = delete;

 private:
  IoThread& io_;
};

}  // namespace sluice::core
