#include "daemon/daemon.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "daemon/demo_methods.hpp"
#include "lib/backend/child_program.hpp"
#include "lib/observe/log.hpp"

namespace sluice::daemon {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// How often a drain looks after the manager and says what it waits for, unless a watchdog is more impatient.
constexpr auto kDrainReport = std::chrono::milliseconds(1000);
// So much longer the manager is asked to wait each time.
constexpr auto kDrainExtension = seconds(10);
// A drain that has not ended so long after its time limit will not end at all.
constexpr auto kDrainGrace = seconds(5);

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "SIGHUP";
  }
}

// Ends the process without waiting for threads that will not end.
[[noreturn]] void leave(int exit_code) {
  spdlog::default_logger_raw()->flush();
  std::_Exit(exit_code);
}

void log_warnings(const std::vector<ConfigError>& warnings) {
  for (const ConfigError& warning : warnings) spdlog::warn("{}", warning.text());
}

void log_start(const DescriptorLimit& descriptors) {
  spdlog::info("sluiced {} is up as process {}", SLUICE_VERSION, ::getpid());
  if (descriptors.now != descriptors.before) {
    spdlog::info("open files: limit raised from {} to {}", descriptors.before, descriptors.now);
  }
}

}  // namespace

Daemon::Daemon(CommandLine command, LoadedConfig config)
    : command_(std::move(command)),
      settings_(std::move(config.settings)),
      warnings_(std::move(config.warnings)) {}

int Daemon::run() {
  core::configure_log(settings_.log);
  log_warnings(warnings_);
  if (const std::optional<int> refused = start()) return *refused;
  service_.ready();
  return serve();
}

std::optional<int> Daemon::start() {
  const DescriptorLimit descriptors = raise_descriptor_limit();
  if (descriptors.now != descriptors.before) core::set_child_descriptor_limit(descriptors.before);
  try {
    guard_children(settings_);
    engine_ = std::make_unique<core::Engine>(settings_);
    if (command_.demo) {
      for (MethodSpec& method : demo_methods()) engine_->add(std::move(method));
    } else if (settings_.backends.empty()) {
      spdlog::info(
          "no methods but rpc.discover: --demo adds some, [[backend]] entries and programs that embed "
          "libsluice have their own");
    }
    engine_->start(inherited_sockets());
  } catch (const std::invalid_argument& error) {
    spdlog::error("configuration: {}", error.what());
    return kExitUsage;
  } catch (const std::system_error& error) {
    spdlog::error("{}", error.what());
    return kExitFailed;
  }
  log_start(descriptors);
  return std::nullopt;
}

void Daemon::guard_children(const core::Settings& settings) {
  const bool has_children =
      std::ranges::any_of(settings.backends, [](const auto& each) { return each.child.has_value(); });
  if (has_children) guardian_.start();
}

int Daemon::serve() {
  reporter_.emplace(service_, *engine_, steady_clock::now());
  for (;;) {
    const std::optional<int> signal = signals_.wait(reporter_->next_due());
    if (!signal) {
      report();
    } else if (*signal == SIGHUP) {
      reload();
    } else {
      return drain(*signal);
    }
  }
}

void Daemon::report() {
  try {
    reporter_->report(steady_clock::now());
  } catch (const std::exception& error) {
    // Out of memory: the service manager is told the next time, and nobody's calls end for it.
    spdlog::error("no report to the service manager: {}", error.what());
  }
}

void Daemon::reload() {
  if (command_.config_file.empty()) {
    spdlog::info("SIGHUP: there is no configuration file to read again");
    return;
  }
  service_.reloading();
  try {
    LoadedConfig loaded = load_config(command_.config_file, &settings_.backends);
    for (const ConfigError& error : loaded.errors) spdlog::error("{}", error.text());
    if (!loaded.ok()) throw std::invalid_argument("the configuration has errors");
    apply(std::move(loaded.settings));
    log_warnings(loaded.warnings);
    reporter_->set_note({});
  } catch (const std::exception& error) {
    spdlog::error("reload refused, the running configuration stays: {}", error.what());
    reporter_->set_note("last reload refused");
  }
  service_.ready();
}

void Daemon::apply(core::Settings settings) {
  const auto keep = [](std::string_view key, auto& value, const auto& running) {
    if (value == running) return;
    spdlog::warn("server.{} is fixed at start; changing it takes a restart", key);
    value = running;
  };
  keep("io_threads", settings.io_threads, settings_.io_threads);
  keep("workers", settings.workers, settings_.workers);
  keep("max_workers", settings.workers_max, settings_.workers_max);
  keep("worker_cpus", settings.worker_cpus, settings_.worker_cpus);
  guard_children(settings);
  engine_->reload(settings);
  core::configure_log(settings.log);
  settings_ = std::move(settings);
  spdlog::info("configuration read again from {}", core::printable(command_.config_file));
}

int Daemon::drain(int signal) {
  spdlog::info("{}: draining for at most {} ms", name_of(signal), settings_.drain_timeout.count());
  service_.stopping();
  service_.extend_timeout(kDrainExtension);

  std::promise<bool> outcome;
  std::future<bool> drained = outcome.get_future();
  const auto drain_engine = [this, &outcome] {
    try {
      outcome.set_value(engine_->drain([this](const core::EngineStatus& status) { report_drain(status); },
                                       drain_interval()));
    } catch (...) {
      outcome.set_exception(std::current_exception());
    }
    signals_.wake();
  };
  std::jthread drainer;
  try {
    drainer = std::jthread(drain_engine);
  } catch (const std::system_error& error) {
    spdlog::warn("no thread to drain in ({}): a second signal will not be seen", error.what());
    drain_engine();
  }
  wait_for(drained);
  if (!drained.get()) {
    spdlog::warn("stopped with a handler still running");
    leave(kExitStopped);
  }
  if (drainer.joinable()) drainer.join();
  engine_.reset();
  spdlog::info("stopped");
  return kExitStopped;
}

void Daemon::wait_for(const std::future<bool>& drained) {
  const TimePoint hopeless = steady_clock::now() + settings_.drain_timeout + kDrainGrace;
  while (drained.wait_for(seconds(0)) != std::future_status::ready) {
    const std::optional<int> signal = signals_.wait(hopeless);
    if (signal == SIGHUP) {
      spdlog::info("SIGHUP while draining is ignored");
    } else if (signal) {
      spdlog::warn("{} while draining: stopping at once", name_of(*signal));
      leave(kExitFailed);
    } else if (steady_clock::now() >= hopeless) {
      spdlog::error("the drain has not ended in its time; stopping without it");
      leave(kExitStopped);
    }
  }
}

std::chrono::milliseconds Daemon::drain_interval() const {
  const auto watchdog = service_.watchdog_interval();
  if (!watchdog) return kDrainReport;
  return std::min(kDrainReport, std::chrono::duration_cast<std::chrono::milliseconds>(*watchdog / 2));
}

// Called from the thread that drains. The watchdog is fed here, not from the engine's health: a drain has
// a time limit of its own, and a handler that hangs must not get the process killed before.
void Daemon::report_drain(const core::EngineStatus& status) {
  const std::string left =
      fmt::format("{} calls in flight, {} connections", status.in_flight, status.connections);
  service_.extend_timeout(kDrainExtension);
  service_.status("Draining: " + left);
  if (service_.watchdog_interval()) service_.feed_watchdog();
  if (left == last_drain_report_) return;
  spdlog::info("draining: {}", left);
  last_drain_report_ = left;
}

}  // namespace sluice::daemon
