// The daemon as a process: starts and connects its parts, and handles signals.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "daemon/cli.hpp"
#include "daemon/config/config.hpp"
#include "daemon/control_thread.hpp"
#include "daemon/guardian.hpp"
#include "daemon/process.hpp"
#include "daemon/reporter.hpp"
#include "daemon/signals.hpp"
#include "daemon/systemd.hpp"
#include "lib/server/engine.hpp"
#include "lib/server/settings.hpp"

namespace sluice::daemon {

// Runs one engine from start to drained. The thread that made it waits for signals and sends keep-alives to
// the watchdog; what may take time (start, reload, drain) runs on the control thread, one after another.
// hold_signals() has to have been called, and no thread may run yet.
class Daemon {
 public:
  // Throws std::system_error that names what the machine refuses to create.
  explicit Daemon(CommandLine command);

  // Serves until it is asked to stop; the process's exit code. Ends the process instead of returning if a
  // second signal arrives, or a handler still runs after the drain.
  int run();

 private:
  // On the control thread. The exit code where it could not be started; what was wrong is logged.
  std::optional<int> start(const std::stop_token& stop);
  std::optional<int> start_engine(const std::stop_token& stop);
  void guard_children(const core::Settings& settings);
  void reload(const std::stop_token& stop);
  core::Settings apply(core::Settings settings, const std::stop_token& stop);

  // The signal that asked to stop while the start was under way, if one did.
  std::optional<int> await_start();
  int serve();
  void report();
  void begin_reload();
  void finish_reload();
  int drain(int signal);
  // Waits for the control thread, and meanwhile handles signals and reports. Ends the process at the time
  // `hopeless`.
  void await_drain(TimePoint hopeless);
  void report_drain(const core::EngineStatus& status);
  std::chrono::milliseconds drain_interval() const;

  const CommandLine command_;
  // While the control thread runs a task, the members that the task uses belong to that thread.
  core::Settings settings_;                 // as the engine has them
  std::optional<core::Settings> reloaded_;  // what the last reload has made of them; nothing: refused
  std::optional<int> refused_;              // the exit code where the start failed
  SignalQueue signals_;
  Guardian guardian_;
  ServiceManager service_;
  std::unique_ptr<core::Engine> engine_;
  std::optional<Reporter> reporter_;
  bool reloading_ = false;      // the control thread's task is a reload
  bool reload_wanted_ = false;  // another reload follows the running one, or the start
  std::string last_drain_report_;
  ControlThread control_;
};

}  // namespace sluice::daemon
