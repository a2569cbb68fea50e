// The answer to rpc.discover: methods as an OpenRPC document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

// What a document lists.
struct OpenRpcListing {
  std::vector<const MethodSpec*> methods;
  std::vector<const MethodSpec*> prefixes;  // routes, such as "calc.*"
};

// An OpenRPC 1.3.2 document (https://spec.open-rpc.org) as JSON text: the listed methods by name, and
// rpc.discover itself. Schemas are the methods' own, from their C++ types. A backend's method names it as
// x-backend. Prefixes are in x-prefixes, which is absent without any. Pure; any thread.
std::string openrpc_document(const OpenRpcListing& listing, std::string_view title, std::string_view version);

}  // namespace sluice::core
