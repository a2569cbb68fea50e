// The process's log: to stderr, as text or JSON lines, with journald's priorities under systemd.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

#include "lib/observe/log_settings.hpp"

// libfmt exports this instance. Without the declaration each file that logs compiles it anew.
extern template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                                                   fmt::format_args, fmt::detail::locale_ref);

namespace sluice::core {

// Sets the level and the format for every later line. Safe to call while others log.
void configure_log(const LogSettings& settings);

// The level set by the last configure_log().
inline std::atomic<spdlog::level::level_enum> log_level{spdlog::level::info};

// Whether lines of that level are logged. One atomic read, for where it is asked about every call.
inline bool log_enabled(spdlog::level::level_enum level) {
  return level >= log_level.load(std::memory_order_relaxed);
}

// Text that came from outside, made harmless for a log line: control bytes as \xNN, cut at 256 bytes.
std::string printable(std::string_view text);

// No more of a value is logged, as a rule.
inline constexpr std::size_t kLogFieldBytesMax = 128;

// One named value of a line.
struct LogField {
  std::string_view name;
  std::string_view value;
  bool json = false;  // the value is JSON text already, such as a number; else it is any text
  std::size_t bytes_max = kLogFieldBytesMax;
};

// Logs a line of named values: behind the message as name=value, or beside it as members where the format
// is json. Values may come from outside: they are made harmless and cut. Any thread.
void log_fields(spdlog::level::level_enum level, std::string_view message, std::span<const LogField> fields);

}  // namespace sluice::core
