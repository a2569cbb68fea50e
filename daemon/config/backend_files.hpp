// Looking into the files that [[backend]] entries name.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Adds an error for each module and each file of authorities or credentials that can't be used.
void check_backend_files(const std::string& config_file, LoadedConfig& loaded);

// The same for each child program that can't be run, but for backends that are as they are in `running`.
void check_programs(const std::string& config_file, const std::vector<core::BackendSettings>& running,
                    LoadedConfig& loaded);

}  // namespace sluice::daemon
