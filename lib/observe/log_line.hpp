// One line of the log, ready to be written.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <spdlog/common.h>

#include "lib/observe/log_field.hpp"
#include "lib/observe/log_settings.hpp"

namespace sluice::core {

// A line goes out whole in one write, which a pipe promises up to this size.
inline constexpr std::size_t kLineBytesMax = 4096;

struct LineStyle {
  LogFormat format = LogFormat::text;
  bool journal = false;  // with syslog's priority in front, and without what journald knows by itself
};

// Ends with the only line feed there is. What it says may come from outside: nothing in it acts on a terminal
// or on the reader's eye (see acts_on_display()), and in JSON it is one object. Pure.
std::string log_line(LineStyle style, spdlog::level::level_enum level, spdlog::log_clock::time_point time,
                     std::string_view text, std::span<const LogField> fields);

}  // namespace sluice::core
