// Discovered methods: the method list in a backend's answer to discovery.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

inline constexpr std::size_t kDiscoveredMethodsMax = 2000;
inline constexpr std::size_t kDiscoveredNameBytesMax = 128;
// Of the document: it is read on the thread that all backends share.
inline constexpr std::size_t kDiscoveredBytesMax = std::size_t{1} << 20;

// The methods of an OpenRPC document, without handlers, and without those that are a server's own or whose
// names are too long or not printable. Invalid entries are left out; an invalid document, or one
// that is too long a one, has no methods.
std::vector<MethodSpec> read_openrpc(std::string_view document);

}  // namespace sluice::core
