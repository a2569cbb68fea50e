#include "lib/service/supervision.hpp"

#include <algorithm>
#include <exception>
#include <optional>

#include <spdlog/spdlog.h>

#include "lib/observe/log.hpp"
#include "lib/service/system_environment.hpp"
#include "lib/time/backoff.hpp"
#include "lib/time/cadence.hpp"
#include "lib/time/durations.hpp"

namespace sluice::core {
namespace {

using std::chrono::milliseconds;

// Runs of one task, and their log lines. A line without memory for it is left out.
class Runs {
 public:
  Runs(const std::string& name, const BackgroundTask& task, const std::stop_token& stop,
       LogLimit& all_failures)
      : name_(name), task_(task), stop_(stop), all_failures_(all_failures) {
    say("began");
  }
  Runs(const Runs&) = delete;
  Runs& operator=(const Runs&) = delete;
  ~Runs() { say("ended"); }

  // True if it returned, false if it threw.
  bool once() noexcept {
    try {
      task_(stop_);
      return true;
    } catch (const std::exception& error) {
      report(error.what());
    } catch (...) {
      report("not a std::exception");
    }
    return false;
  }

 private:
  void say(const char* what) const noexcept try {
    if (log_enabled(spdlog::level::debug)) spdlog::debug("background task {} {}", printable(name_), what);
  } catch (const std::exception&) {
  }

  void report(const char* what) noexcept try {
    const TimePoint now = Clock::now();
    const std::optional<std::uint64_t> of_task = failures_.admit(now);
    if (!of_task) return;
    const std::optional<std::uint64_t> of_all = all_failures_.admit(now);
    if (!of_all) return;
    spdlog::error(
        "background task {} failed: {} (left out before: {} such lines of this task, {} of all tasks)",
        printable(name_), printable(what), *of_task, *of_all);
  } catch (const std::exception&) {
  }

  const std::string& name_;
  const BackgroundTask& task_;
  const std::stop_token& stop_;
  LogLimit& all_failures_;
  LogLimit failures_{std::chrono::seconds(1)};
};

}  // namespace

void run_supervised(const std::string& name, const BackgroundTask& task, const RestartOptions& restart,
                    const std::stop_token& stop, LogLimit& all_failures) noexcept {
  Runs runs(name, task, stop, all_failures);
  const Backoff backoff(restart.backoff_base, restart.backoff_max);
  unsigned failures = 0;
  while (!stop.stop_requested()) {
    const TimePoint began = Clock::now();
    if (runs.once() || !restart.on_failure) return;
    const TimePoint now = Clock::now();
    // Not the other way round: some milliseconds are too many to be counted in nanoseconds.
    if (std::chrono::floor<milliseconds>(now - began) > restart.backoff_max) failures = 0;
    sleep_until(now + backoff.delay(failures++, random_bits()), stop);
  }
}

void run_periodically(const std::string& name, const BackgroundTask& task, milliseconds interval,
                      const std::stop_token& stop, LogLimit& all_failures) noexcept {
  Runs runs(name, task, stop, all_failures);
  const Cadence cadence(Clock::now(), std::clamp(interval, milliseconds(1), kLongestWait));
  while (!stop.stop_requested()) {
    runs.once();
    sleep_until(cadence.next(Clock::now()), stop);
  }
}

}  // namespace sluice::core
