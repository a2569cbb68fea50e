// The answer to rpc.discover: methods as an OpenRPC document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

// An OpenRPC 1.3.2 document (https://spec.open-rpc.org) as JSON text: the given methods by name, and
// rpc.discover itself. Schemas are the methods' own, from their C++ types. Pure; any thread.
std::string openrpc_document(const std::vector<const MethodSpec*>& methods, std::string_view title,
                             std::string_view version);

}  // namespace sluice::core
