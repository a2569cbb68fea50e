// Settings of admission control.
#pragma once

#include <cstddef>

namespace sluice::core {

// How many calls are let in beside what the limits say.
struct AdmissionSettings {
  bool adaptive = false;      // lowers the in-flight limit while calls wait too long
  std::size_t limit_min = 8;  // but not below this
  bool fair = true;           // calls that wait are taken in turn by client
};

}  // namespace sluice::core
