// Settings of admission control.
#pragma once

#include <cstddef>

namespace sluice::core {

// How calls are admitted, beside the limits.
struct AdmissionSettings {
  bool adaptive = false;      // lowers the limit of calls in flight while calls wait too long
  std::size_t limit_min = 8;  // but not below this
  bool fair = true;           // waiting calls are served in turn by client
};

}  // namespace sluice::core
