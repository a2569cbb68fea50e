// Settings of the log.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::core {

enum class LogFormat : std::uint8_t { text, json };

struct LogSettings {
  std::string level = "info";  // trace debug info warn error
  LogFormat format = LogFormat::text;
};

}  // namespace sluice::core
