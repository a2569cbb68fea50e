// The JSON value that handlers work with.
#pragma once

#include <nlohmann/json.hpp>

namespace sluice {

// Keeps the order of keys. Numbers become 64-bit integers or doubles; a handler that must see a number's
// own text takes the params as text (TextHandler, Call::params_text()).
using Json = nlohmann::ordered_json;

}  // namespace sluice
