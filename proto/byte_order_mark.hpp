// Byte order mark of UTF-8, which some clients and editors put before a text.
#pragma once

#include <string_view>

namespace sluice::proto {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace sluice::proto
