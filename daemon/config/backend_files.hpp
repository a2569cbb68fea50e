// Looking into the files that [[backend]] entries name.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Adds an error for each module and each file of authorities or credentials that can't be used.
void check_backend_files(const std::string& config_file, LoadedConfig& loaded);

// Adds an error for each program of a child process that can't be run. Backends whose settings are those in
// `running` are skipped.
void check_programs(const std::string& config_file, const std::vector<core::BackendSettings>& running,
                    LoadedConfig& loaded);

}  // namespace sluice::daemon
