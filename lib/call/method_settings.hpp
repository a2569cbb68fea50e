// Settings of methods.
#pragma once

#include <cstddef>
#include <optional>

#include "lib/admission/priority.hpp"
#include "lib/time/durations.hpp"

namespace sluice::core {

// Settings of the methods that one [method] entry names. Absent settings keep their value.
struct MethodSettings {
  std::optional<milliseconds> timeout{};
  std::optional<std::size_t> max_concurrent{};
  std::optional<Priority> priority{};
};

}  // namespace sluice::core
