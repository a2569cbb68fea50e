// Warnings about settings that have no effect, or probably an unintended one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

using KeyLocations = std::map<std::string, SourceLocation, std::less<>>;

// Warnings about `settings`. `clients` has the positions of each client's keys, `server` those of the keys of
// [server].
std::vector<ConfigError> doubts_about(const core::Settings& settings, const std::string& file,
                                      const std::vector<KeyLocations>& clients, const KeyLocations& server);

}  // namespace sluice::daemon
