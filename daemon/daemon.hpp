// The daemon as a process: puts the parts together, and turns signals into what they mean.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/cli.hpp"
#include "daemon/config.hpp"
#include "daemon/guardian.hpp"
#include "daemon/process.hpp"
#include "daemon/reporter.hpp"
#include "daemon/signals.hpp"
#include "daemon/systemd.hpp"
#include "lib/server/engine.hpp"
#include "lib/server/settings.hpp"

namespace sluice::daemon {

// Runs one engine from start to drained. The thread that made it runs it; signals are blocked from the
// constructor on, so it has to be made before any thread.
class Daemon {
 public:
  // Throws std::system_error where the machine refuses the little that waiting for signals takes.
  Daemon(CommandLine command, LoadedConfig config);

  // Serves until it is told to stop; the process's exit code. Does not return, but leaves the process,
  // where a second signal comes or a handler outlives the drain.
  int run();

 private:
  // The exit code where it could not be started; what was wrong is logged.
  std::optional<int> start();
  void guard_children(const core::Settings& settings);
  int serve();
  void report();
  void reload();
  void apply(core::Settings settings);
  int drain(int signal);
  // Waits for the drain under way, listening for signals meanwhile.
  void wait_for(const std::future<bool>& drained);
  void report_drain(const core::EngineStatus& status);
  std::chrono::milliseconds drain_interval() const;

  const CommandLine command_;
  core::Settings settings_;                  // as the engine has them
  const std::vector<ConfigError> warnings_;  // of the configuration that it was started with
  SignalQueue signals_;
  Guardian guardian_;
  ServiceManager service_;
  std::unique_ptr<core::Engine> engine_;
  std::optional<Reporter> reporter_;
  std::string last_drain_report_;
};

}  // namespace sluice::daemon
