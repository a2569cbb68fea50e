// Warnings about files with secrets that other users can read.
#pragma once

#include <string>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Adds warnings about the private keys, passwords and headers' values that `loaded` names, and about the
// configuration itself where it holds headers' values: what others can read, or its group where it is
// not root's, or what they can write. Files that can't be looked at are passed over.
void warn_about_secrets(const std::string& config_file, LoadedConfig& loaded);

}  // namespace sluice::daemon
