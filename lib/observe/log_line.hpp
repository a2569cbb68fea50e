// Log line: one event as text or JSON, ready to be written.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <spdlog/common.h>

#include "lib/observe/log_field.hpp"
#include "lib/observe/log_settings.hpp"

namespace sluice::core {

// A line is written in one call. A pipe guarantees that it stays whole up to this size.
inline constexpr std::size_t kLineBytesMax = 4096;

struct LineStyle {
  LogFormat format = LogFormat::text;
  bool journal = false;  // with syslog's priority in front, and without what journald adds itself
};

// A line with one line feed, at its end. It may contain external text, but nothing in it acts on a terminal
// or misleads the eye (see acts_on_display()). In JSON it is one object. Pure.
std::string log_line(LineStyle style, spdlog::level::level_enum level, spdlog::log_clock::time_point time,
                     std::string_view text, std::span<const LogField> fields);

}  // namespace sluice::core
