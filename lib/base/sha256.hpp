// SHA-256 digest.
#pragma once

#include <array>
#include <string_view>

namespace sluice::core {

using Sha256 = std::array<unsigned char, 32>;

// Throws std::bad_alloc.
Sha256 sha256(std::string_view bytes);

}  // namespace sluice::core
