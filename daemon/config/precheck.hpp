// Checks of a text before the TOML parser reads it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice::daemon {

// Every dot of a key is one more level of tables, which the parser walks by recursion. No sensible line has
// that many dots.
inline constexpr std::size_t kDotsPerLineMax = 256;

struct SourceLocation {
  std::size_t line = 1;
  std::size_t column = 1;
};

// The position of the first dot too many. Comment lines may have any number.
std::optional<SourceLocation> dot_too_many(std::string_view text);

}  // namespace sluice::daemon
