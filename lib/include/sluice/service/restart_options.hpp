// Restart options of a background task.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

namespace sluice {

// Runs on a thread of its own, until it returns or `stop` is requested.
using BackgroundTask = std::function<void(const std::stop_token& stop)>;

struct RestartOptions {
  // Restarts a task that has thrown. A task that returns has ended.
  bool on_failure = false;
  // The pause before a restart is random. Its bound begins with `backoff_base` and doubles with each failure
  // until `backoff_max`. A run that lasted longer than that resets it.
  std::chrono::milliseconds backoff_base{100};
  std::chrono::milliseconds backoff_max{30'000};
};

}  // namespace sluice
