// Reader of a configuration's text: TOML to settings.
#pragma once

#include <string>
#include <string_view>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

// Reads the text of a configuration; `file` is its name for messages. Keys that are absent keep their
// defaults, so that empty text is all defaults. Files that it names are not looked into.
LoadedConfig parse_config(std::string_view text, const std::string& file);

}  // namespace sluice::daemon
