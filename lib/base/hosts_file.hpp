// What the machine's hosts file says of names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

inline constexpr std::size_t kHostsFileBytesMax = 4 * 1024 * 1024;  // what is behind is not read

// The names that `hosts`, the text of a hosts file, gives loopback addresses and no others: in lower case,
// sorted. Pure.
std::vector<std::string> loopback_names_in(std::string_view hosts);
// Those of the machine's own file, as it is now; none where it can't be read.
std::vector<std::string> loopback_names();

}  // namespace sluice::core
