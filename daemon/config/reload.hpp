// Protection that a reload must not lose by accident, for example with a file that was cut off.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Protection of the listeners that `running` has and `wanted` lacks: all clients, the limits of "anonymous",
// the TLS of a listener that other machines reach. Nothing if `insecure = true` in the file permits the loss:
// for TLS at that listener, else at any.
std::vector<ConfigError> lost_protection(const core::Settings& running, const core::Settings& wanted,
                                         const std::string& file);

}  // namespace sluice::daemon
