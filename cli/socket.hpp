// Socket functions: connect and wait, with a deadline.
#pragma once

#include <chrono>

#include "cli/address.hpp"
#include "cli/result.hpp"
#include "lib/base/descriptor.hpp"

namespace sluice::client {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// Waits for `events` (poll) on fd until the deadline. False: the time ran out.
bool wait_for(int fd, short events, TimePoint deadline);

// Connects a non-blocking stream socket to the address of the host name that answers first. The deadline
// bounds connecting, not the look-up of the name. Errors: unreachable, naming the address.
Result<core::Descriptor> connect_to(const Address& address, TimePoint deadline);

}  // namespace sluice::client
