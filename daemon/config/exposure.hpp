// Checks for listeners that other machines may reach unintentionally.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Warnings about `settings`. `unlimited_anonymous` is where the client "anonymous" is, if it is there and
// says nothing of methods, `admin` where the admin's address is.
std::vector<ConfigError> exposure_warnings(const core::Settings& settings, const std::string& file,
                                           std::optional<SourceLocation> unlimited_anonymous,
                                           std::optional<SourceLocation> admin);

}  // namespace sluice::daemon
