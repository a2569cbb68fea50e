// Sums that are right or refused: demo.sum and demo.subtract, straight on JSON text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/include/sluice/method.hpp"

namespace sluice::daemon {

// Numbers written as integers are added exactly, and an integer or a sum that takes more than 64 bits is
// refused (-32602). As soon as one has a fraction or an exponent all are added as doubles, from left to
// right, and a sum that is not finite is refused.
std::optional<Error> sum(Call& call, std::string_view params, std::string& result);
std::optional<Error> subtract(Call& call, std::string_view params, std::string& result);

}  // namespace sluice::daemon
