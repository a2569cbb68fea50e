// Hosts file: names of loopback addresses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

inline constexpr std::size_t kHostsFileBytesMax = 4 * 1024 * 1024;  // the rest is not read

// The names that `hosts`, the text of a hosts file, maps to loopback addresses only: in lower case, sorted.
// Pure.
std::vector<std::string> loopback_names_in(std::string_view hosts);
// Reads those names from the machine's own hosts file; none if it can't be read.
std::vector<std::string> loopback_names();

}  // namespace sluice::core
