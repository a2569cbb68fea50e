// Address comparison: whether a bound socket serves an address.
#pragma once

#include "lib/base/address.hpp"
#include "lib/transport/listen/host_lookup.hpp"

namespace sluice::core {

// Whether a socket bound to `bound` serves `wanted`: the same port and one of the host's addresses, in any
// spelling ("localhost", "::1", "0:0:0:0:0:0:0:1", an IPv4 address mapped into IPv6); or the same path,
// through any links. Waits for look-ups of names.
bool same_address(const Address& bound, const Address& wanted, HostLookups& names);

}  // namespace sluice::core
