#pragma once

#include <unistd.h>

#include <chrono>
#include <utility>

#include "daemon/client/address.hpp"
#include "daemon/client/result.hpp"

namespace sluice::client {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// Owns one file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }

 private:
  int fd_ = -1;  // -1: none
};

// Waits for `events` (poll) on fd until the deadline. False: the time ran out.
bool wait_for(int fd, short events, TimePoint deadline);

// A connected, non-blocking stream socket, to whichever address of the host name
// answers first. Looking a name up is not bounded by the deadline, connecting is.
// Errors: unreachable, naming the address.
Result<UniqueFd> connect_to(const Address& address, TimePoint deadline);

}  // namespace sluice::client
