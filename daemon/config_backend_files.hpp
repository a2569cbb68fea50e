// Looking into the files that [[backend]] entries name.
#pragma once

#include <string>

#include "daemon/config.hpp"

namespace sluice::daemon {

// Adds an error for each module and each file of authorities that can't be used.
void check_backend_files(const std::string& config_file, LoadedConfig& loaded);

}  // namespace sluice::daemon
