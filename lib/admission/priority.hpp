// Priority of a method: the order of refusal and of queues.
#pragma once

#include <cstdint>

namespace sluice::core {

// Low is refused first, high leaves a queue first.
enum class Priority : std::uint8_t { low, normal, high, kCount };

}  // namespace sluice::core
