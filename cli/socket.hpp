// Socket functions: connect within a limit.
#pragma once

#include "cli/address.hpp"
#include "cli/result.hpp"
#include "cli/wait_limit.hpp"
#include "lib/base/descriptor.hpp"

namespace sluice::client {

// Connects a non-blocking stream socket to the address of the host name that answers first. The limit
// bounds connecting, not the look-up of the name. Errors: unreachable, naming the address.
Result<core::Descriptor> connect_to(const Address& address, const WaitLimit& limit);

}  // namespace sluice::client
