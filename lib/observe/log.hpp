// Log of the process: to stderr, as text or JSON lines, with journald's priorities under systemd.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

#include "lib/observe/log_field.hpp"
#include "lib/observe/log_settings.hpp"
#include "lib/observe/printable.hpp"

// libfmt exports this instance. Without the declaration each file that logs would compile it again.
extern template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                                                   fmt::format_args, fmt::detail::locale_ref);

namespace sluice::core {

// Sets the level and the format for every later line. Safe to call while others log.
void configure_log(const LogSettings& settings);

// The level set by the last configure_log().
inline std::atomic<spdlog::level::level_enum> log_level{spdlog::level::info};

// Whether lines of that level are logged. One atomic read, since this is asked for every call.
inline bool log_enabled(spdlog::level::level_enum level) {
  return level >= log_level.load(std::memory_order_relaxed);
}

// Logs a line of named values: behind the message as name=value, or as members in JSON. Values may come from
// outside: they are escaped and cut. Any thread.
void log_fields(spdlog::level::level_enum level, std::string_view message, std::span<const LogField> fields);

}  // namespace sluice::core
