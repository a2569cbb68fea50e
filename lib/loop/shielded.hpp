// Exception barrier between the events of one iteration.
#pragma once

#include <exception>

namespace sluice::core {

// At most one line a second.
void log_failure(const char* what, const std::exception& exception);

// Code on an I/O thread throws only when memory runs out. That must cost one connection or call, not what
// happens to be processed in the same iteration.
template <typename Task>
void shielded(const char* what, const Task& task) {
  try {
    task();
  } catch (const std::exception& exception) {
    log_failure(what, exception);
  }
}

}  // namespace sluice::core
