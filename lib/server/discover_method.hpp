// rpc.discover: the OpenRPC document of the methods that the caller may call.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

class Registry;

inline constexpr std::size_t kDocumentsMax = 16;

// The method for the registry, which must outlive it. A document of 2,000 methods takes 26 ms to write. One
// caller writes it while others wait, for a second at most. It is kept for all callers with the same methods,
// until the registry changes. The kDocumentsMax most recently requested documents are kept.
MethodSpec discover_method(Registry& registry);

// Writes the document of these methods. Workers call it, several at once; it may throw std::bad_alloc.
using DocumentWriter = std::function<std::string(const std::vector<const MethodSpec*>& methods)>;
// Returns the method with another writer.
MethodSpec discover_method(Registry& registry, DocumentWriter write);

}  // namespace sluice::core
