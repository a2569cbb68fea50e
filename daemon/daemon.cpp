#include "daemon/daemon.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "daemon/config/file.hpp"
#include "daemon/demo/methods.hpp"
#include "lib/backend/spawn.hpp"
#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"

namespace sluice::daemon {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// The interval of a drain's reports to the manager and the log, unless the watchdog's interval is shorter.
constexpr auto kDrainReport = std::chrono::milliseconds(1000);
// The time that the manager is asked to wait longer with each EXTEND_TIMEOUT_USEC.
constexpr auto kDrainExtension = seconds(10);
// The time that an aborted start has to end by itself.
constexpr auto kInterruptTime = seconds(2);
// A drain that has not ended so long after its time limit will not end at all.
constexpr auto kDrainGrace = seconds(1);

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

Daemon::Daemon(CommandLine command) : command_(std::move(command)), control_(signals_) {}

int Daemon::run() {
  control_.run([this](const std::stop_token& stop) { refused_ = start(stop); });
  const std::optional<int> stopped_by = await_start();
  if (refused_) return *refused_;
  if (stopped_by) return drain(*stopped_by);
  service_.ready();
  return serve();
}

std::optional<int> Daemon::await_start() {
  std::optional<int> stopped_by;
  std::optional<TimePoint> hopeless;
  while (control_.busy()) {
    const std::optional<int> signal = signals_.wait(hopeless);
    if (signal == SIGHUP) {
      reload_wanted_ = true;
    } else if (signal && stopped_by) {
      leave(kExitFailed);
    } else if (signal) {
      stopped_by = signal;
      hopeless = steady_clock::now() + kInterruptTime;
      control_.interrupt();
    } else if (hopeless && steady_clock::now() >= *hopeless) {
      leave(kExitStopped);
    }
  }
  return stopped_by;
}

std::optional<int> Daemon::start(const std::stop_token& stop) {
  try {
    LoadedConfig loaded = command_.config_file.empty() ? LoadedConfig{} : load_config(command_.config_file);
    for (const ConfigError& error : loaded.errors) std::cerr << error.text() << '\n';
    if (!loaded.ok()) return kExitUsage;
    settings_ = std::move(loaded.settings);
    core::configure_log(settings_.log);
    log_warnings(loaded.warnings);
    return start_engine(stop);
  } catch (const std::exception& error) {
    if (stop.stop_requested()) return kExitStopped;
    std::cerr << "sluiced: " << error.what() << '\n';
    return kExitFailed;
  }
}

std::optional<int> Daemon::start_engine(const std::stop_token& stop) {
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
    engine_->start(inherited_sockets(), stop);
  } catch (const std::invalid_argument& error) {
    spdlog::error("configuration: {}", error.what());
    return kExitUsage;
  } catch (const std::system_error& error) {
    if (stop.stop_requested()) return kExitStopped;
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
  if (reload_wanted_) begin_reload();
  for (;;) {
    const std::optional<int> signal = signals_.wait(reporter_->next_deadline());
    if (reloading_ && !control_.busy()) finish_reload();
    if (signal == SIGHUP) {
      begin_reload();
    } else if (signal) {
      return drain(*signal);
    }
    report();
  }
}

void Daemon::report() {
  try {
    reporter_->report(steady_clock::now());
  } catch (const std::exception& error) {
    // Out of memory: the service manager is informed the next time; no call ends.
    static core::RareLine line;
    line.log(spdlog::level::err, steady_clock::now(),
             [&] { return fmt::format("no report to the service manager: {}", error.what()); });
  }
}

// A signal that comes while a reload runs asks for one more after it: the file may have changed since it was
// read.
void Daemon::begin_reload() {
  if (command_.config_file.empty()) {
    spdlog::info("SIGHUP: there is no configuration file to read again");
    return;
  }
  reload_wanted_ = reloading_;
  if (reloading_) return;
  reloading_ = true;
  service_.reloading();
  control_.run([this](const std::stop_token& stop) { reload(stop); });
}

void Daemon::finish_reload() {
  reloading_ = false;
  reporter_->set_note(reloaded_ ? "" : "last reload refused");
  if (reloaded_) settings_ = *std::exchange(reloaded_, std::nullopt);
  service_.ready();
  if (reload_wanted_) begin_reload();
}

void Daemon::reload(const std::stop_token& stop) {
  try {
    LoadedConfig loaded = reload_config(command_.config_file, settings_);
    for (const ConfigError& error : loaded.errors) spdlog::error("{}", error.text());
    if (!loaded.ok()) throw std::invalid_argument("the configuration has errors");
    reloaded_ = apply(std::move(loaded.settings), stop);
    log_warnings(loaded.warnings);
  } catch (const std::exception& error) {
    spdlog::error("reload refused, the running configuration stays: {}", error.what());
  }
}

core::Settings Daemon::apply(core::Settings settings, const std::stop_token& stop) {
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
  engine_->reload(settings, stop);
  core::configure_log(settings.log);
  spdlog::info("configuration read again from {}", core::printable(command_.config_file));
  return settings;
}

int Daemon::drain(int signal) {
  spdlog::info("{}: draining for at most {} ms", name_of(signal), settings_.drain_timeout.count());
  service_.stopping();
  report_drain(engine_->status());
  const TimePoint begun = steady_clock::now();
  const auto hopeless = [&] { return begun + settings_.drain_timeout + kDrainGrace; };
  // A reload under way ends first: the engine has one controlling thread. It may have changed the time limit.
  control_.interrupt();
  await_drain(hopeless());
  if (reloaded_) settings_ = *std::exchange(reloaded_, std::nullopt);

  const auto drained =
      std::make_shared<std::packaged_task<bool()>>([this, begun] { return engine_->drain(begun); });
  control_.run([drained](const std::stop_token&) { (*drained)(); });
  await_drain(hopeless());
  if (!drained->get_future().get()) {
    spdlog::warn("stopped with a handler still running");
    leave(kExitStopped);
  }
  engine_.reset();
  spdlog::info("stopped");
  return kExitStopped;
}

void Daemon::await_drain(TimePoint hopeless) {
  TimePoint report = steady_clock::now() + drain_interval();
  while (control_.busy()) {
    const std::optional<int> signal = signals_.wait(std::min(hopeless, report));
    if (signal == SIGHUP) {
      spdlog::info("SIGHUP while draining is ignored");
    } else if (signal) {
      spdlog::warn("{} while draining: stopping at once", name_of(*signal));
      leave(kExitFailed);
    } else if (steady_clock::now() >= hopeless) {
      spdlog::error("the drain has exceeded its time limit; exiting");
      leave(kExitStopped);
    }
    if (steady_clock::now() < report) continue;
    report = steady_clock::now() + drain_interval();
    report_drain(engine_->status());
  }
}

std::chrono::milliseconds Daemon::drain_interval() const {
  const auto watchdog = service_.watchdog_interval();
  if (!watchdog) return kDrainReport;
  return std::min(kDrainReport, std::chrono::duration_cast<std::chrono::milliseconds>(*watchdog / 2));
}

// Sends keep-alives to the watchdog without asking for the engine's health: a drain has a time limit of its
// own, and a handler that hangs must not get the process killed before that.
void Daemon::report_drain(const core::EngineStatus& status) {
  const std::string left =
      fmt::format("{} calls in flight, {} connections", status.in_flight, status.connections);
  service_.extend_timeout(kDrainExtension);
  service_.status("Draining: " + left);
  if (service_.watchdog_interval()) service_.send_keep_alive();
  if (left == last_drain_report_) return;
  spdlog::info("draining: {}", left);
  last_drain_report_ = left;
}

}  // namespace sluice::daemon
