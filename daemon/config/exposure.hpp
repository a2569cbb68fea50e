// Checks for listeners that other machines may reach unintentionally.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Warnings about `settings`. `unlimited_anonymous` is the position of the client "anonymous", if there is one
// without `methods`, `admin` that of the admin's address.
std::vector<ConfigError> exposure_warnings(const core::Settings& settings, const std::string& file,
                                           std::optional<SourceLocation> unlimited_anonymous,
                                           std::optional<SourceLocation> admin);

}  // namespace sluice::daemon
