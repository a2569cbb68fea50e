// Reader of a configuration file, within bounds of size and time.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Reads the file at that path, and the certificates and modules it names. A file that can't be read is one
// error without a line. Takes a few seconds at most: a pipe without a writer is given up.
//
// With `running`, the programs of child processes are looked for as well, but for backends that are as they
// are there. The start of the daemon goes without: it tries again and again, and they may come later.
LoadedConfig load_config(const std::string& file,
                         const std::vector<core::BackendSettings>* running = nullptr);

// Reads the file again for a reload while `running` is in force. Probably damaged files are an error: one
// that is not regular (a pipe is empty by then), changes while it is read, or holds no settings; and the loss
// of what protects the listeners, see lost_protection().
LoadedConfig reload_config(const std::string& file, const core::Settings& running);

}  // namespace sluice::daemon
