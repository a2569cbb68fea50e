// Supervision: runs a background task, repeatedly if requested. Both functions return when the task has
// finally ended, and never throw.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "lib/include/sluice/service/restart_options.hpp"
#include "lib/observe/log_limit.hpp"

namespace sluice::core {

// A line about a failure must be within the task's own limit, one a second, and within that of all tasks.
void run_supervised(const std::string& name, const BackgroundTask& task, const RestartOptions& restart,
                    const std::stop_token& stop, LogLimit& all_failures) noexcept;

void run_periodically(const std::string& name, const BackgroundTask& task, std::chrono::milliseconds interval,
                      const std::stop_token& stop, LogLimit& all_failures) noexcept;

}  // namespace sluice::core
