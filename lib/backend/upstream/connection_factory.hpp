// Factory of connections to upstreams.
#pragma once

#include <memory>

#include "lib/backend/upstream/connection.hpp"

namespace sluice::core {

// Makes a connection of the kind that the route's URL names; open() opens it. `route` and `owner` must
// outlive it, unless UpstreamConnection::abandon() was called.
std::shared_ptr<UpstreamConnection> make_upstream_connection(const UpstreamRoute& route,
                                                             UpstreamConnection::Owner& owner);

}  // namespace sluice::core
