// Addresses compared by what they stand for.
#pragma once

#include "lib/base/address.hpp"
#include "lib/transport/listen/host_lookup.hpp"

namespace sluice::core {

// Whether a socket that is bound to `bound` serves `wanted`: the same port, and one of the addresses of the
// host, however it is spelled ("localhost", "::1", "0:0:0:0:0:0:0:1", an IPv4 address mapped into IPv6); or
// the same path, through whatever links. Waits for look-ups of names.
bool same_address(const Address& bound, const Address& wanted, HostLookups& names);

}  // namespace sluice::core
