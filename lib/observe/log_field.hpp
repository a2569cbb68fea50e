// Log field: a named value of a log line.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::core {

// Limit of a value's length in the log, as a rule.
inline constexpr std::size_t kLogFieldBytesMax = 128;

// One named value of a line.
struct LogField {
  std::string_view name;
  std::string_view value;
  bool json = false;  // the value is JSON text already, such as a number; else it is any text
  std::size_t bytes_max = kLogFieldBytesMax;
};

}  // namespace sluice::core
