// What a reload must not lose by accident, as through a file that was cut off.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// What protects the listeners under `running` and would no longer do so under `wanted`: all clients, the
// limits of "anonymous", the TLS of a listener that other machines reach. Nothing where the file says by
// `insecure = true` that it is meant: for TLS at that listener, else at any.
std::vector<ConfigError> lost_protection(const core::Settings& running, const core::Settings& wanted,
                                         const std::string& file);

}  // namespace sluice::daemon
