// Priority of a method.
#pragma once

#include <cstdint>

namespace sluice::core {

// Who is refused first, and who is taken from a queue first.
enum class Priority : std::uint8_t { low, normal, high, kCount };

}  // namespace sluice::core
