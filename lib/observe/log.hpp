// The process's log: to stderr, as text or JSON lines, with journald's priorities under systemd.
#pragma once

#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

#include "lib/server/settings.hpp"

namespace sluice::core {

// Sets the level and the format for every later line. Safe to call while others log.
void configure_log(const LogSettings& settings);

// Text that came from outside, made harmless for a log line: control bytes as \xNN, cut at 256 bytes.
std::string printable(std::string_view text);

}  // namespace sluice::core
