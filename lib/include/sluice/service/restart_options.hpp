// Restart options of a background task.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

namespace sluice {

// Runs on a thread of its own, until it returns or `stop` asks it to.
using BackgroundTask = std::function<void(const std::stop_token& stop)>;

struct RestartOptions {
  // Runs a task again that has thrown. One that returns has ended.
  bool on_failure = false;
  // The pause before that is random, up to a bound that begins with `backoff_base` and doubles with each
  // failure until `backoff_max`; a run that lasted longer than that begins anew.
  std::chrono::milliseconds backoff_base{100};
  std::chrono::milliseconds backoff_max{30'000};
};

}  // namespace sluice
