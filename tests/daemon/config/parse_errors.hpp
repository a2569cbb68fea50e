// Errors of a configuration's text, as an operator reads them.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/reader.hpp"

namespace sluice::daemon::testing {

inline std::vector<std::string> errors_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const ConfigError& error : parse_config(text, "f.toml").errors) lines.push_back(error.text());
  return lines;
}

// The only error of `text`.
inline std::string error_of(std::string_view text) {
  const std::vector<std::string> lines = errors_of(text);
  REQUIRE(lines.size() == 1);
  return lines.front();
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace sluice::daemon::testing
