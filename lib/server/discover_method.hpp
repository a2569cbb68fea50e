// rpc.discover: the OpenRPC document of the methods that the caller may call.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "lib/include/sluice/method.hpp"
#include "lib/rpc/openrpc.hpp"

namespace sluice::core {

class Registry;

inline constexpr std::size_t kDocumentsMax = 16;

// The method for the registry, which must outlive it. A prefix is listed to callers who may call all names
// under it but for exclusions; to others its known names are. A document of 2,000 methods takes 26 ms to
// write. One caller writes it while others wait, for a second at most. It is kept for all callers with the
// same methods, until the registry changes. The kDocumentsMax most recently requested documents are kept.
MethodSpec discover_method(Registry& registry);

// Writes the document. Workers call it, several at once; it may throw std::bad_alloc.
using DocumentWriter = std::function<std::string(const OpenRpcListing& listing)>;
// Returns the method with another writer.
MethodSpec discover_method(Registry& registry, DocumentWriter write);

}  // namespace sluice::core
