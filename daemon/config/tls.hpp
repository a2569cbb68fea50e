// Checks of TLS settings beyond the form of their values.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Makes names of files that are not absolute start from the folder of the configuration file.
void resolve_paths(core::TlsSettings& tls, const std::string& config_file);

// Reads the files that `loaded` names, and adds what is wrong with them to its errors.
void check_tls_files(const std::string& config_file, LoadedConfig& loaded);

}  // namespace sluice::daemon
