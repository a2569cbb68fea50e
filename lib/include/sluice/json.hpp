// JSON value of handlers.
#pragma once

#include <nlohmann/json.hpp>

namespace sluice {

// Keeps the order of keys. Numbers become 64-bit integers or doubles. A handler that needs a number's
// original text takes the params as text (TextHandler, Call::params_text()).
using Json = nlohmann::ordered_json;

}  // namespace sluice
