#include "daemon/config/precheck.hpp"

#include <algorithm>

namespace sluice::daemon {

std::optional<SourceLocation> dot_too_many(std::string_view text) {
  SourceLocation location;
  for (std::size_t begin = 0; begin < text.size(); ++location.line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with('#')) continue;
    std::size_t dots = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '.' || ++dots <= kDotsPerLineMax) continue;
      location.column = i + 1;
      return location;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::daemon
