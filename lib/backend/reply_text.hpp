// Reply text: a backend's text without control sequences at its front.
#pragma once

#include <string_view>

#include "proto/byte_order_mark.hpp"

namespace sluice::core {

using proto::kByteOrderMark;

// Without the white space, control characters and control sequences (ECMA-48) at the front: programs that
// take their output for a terminal colour it. Those at the end do no harm to what is before them.
std::string_view without_control_codes(std::string_view text);

}  // namespace sluice::core
