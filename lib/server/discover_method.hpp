// rpc.discover: the methods that the caller may call.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

class Registry;

inline constexpr std::size_t kDocumentsMax = 16;

// The method for the registry, which must outlive it. A document of 2,000 methods takes 26 ms to make. One
// caller makes it while others wait, for a second at most. It is kept for all callers that may call the same
// methods, until others are registered; so are the kDocumentsMax documents that were asked for last.
MethodSpec discover_method(Registry& registry);

// Writes the document of these methods. Workers call it, several at once; it may throw std::bad_alloc.
using DocumentWriter = std::function<std::string(const std::vector<const MethodSpec*>& methods)>;
// The same with another writer.
MethodSpec discover_method(Registry& registry, DocumentWriter write);

}  // namespace sluice::core
