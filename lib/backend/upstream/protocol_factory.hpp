// Factory of upstream protocols.
#pragma once

#include <memory>

#include "lib/backend/upstream/protocol.hpp"

namespace sluice::core {

// Makes what the URL of the channel's route names. Both arguments must outlive it.
std::unique_ptr<UpstreamProtocol> make_upstream_protocol(UpstreamChannel& channel, UpstreamStream& stream);

}  // namespace sluice::core
