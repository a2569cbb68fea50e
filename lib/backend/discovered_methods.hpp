// What a backend says that it serves.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

inline constexpr std::size_t kDiscoveredMethodsMax = 10'000;

// The methods of an OpenRPC document, without handlers, and without those that are a server's own. What is
// not as it should be is left out; no document at all has no methods.
std::vector<MethodSpec> read_openrpc(std::string_view document);

}  // namespace sluice::core
