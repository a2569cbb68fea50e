// Reporter: status and keep-alives of a running engine for the service manager.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "daemon/signals.hpp"
#include "daemon/systemd.hpp"
#include "lib/server/engine.hpp"

namespace sluice::daemon {

// Sends a status line when it has changed, and keep-alives to the watchdog while the engine makes progress.
// Has no thread and no timer: its owner waits until next_deadline() and passes the time in. Without a service
// manager there is no deadline. Belongs to one thread.
class Reporter {
 public:
  Reporter(const ServiceManager& service, const core::Engine& engine, TimePoint now);

  // When report() has to be called next; nothing: never.
  std::optional<TimePoint> next_deadline() const;

  // Sends what is due by `now`. Waits for the engine's health: 2 s at most, and only when something is stuck.
  void report(TimePoint now);

  // The end of the status line, behind the numbers, from now on; may be empty.
  void set_note(std::string note) { note_ = std::move(note); }

 private:
  void send_status();
  void send_keep_alive();

  const ServiceManager& service_;
  const core::Engine& engine_;
  std::optional<TimePoint> status_due_;
  std::optional<TimePoint> watchdog_due_;
  std::string note_;
  std::string sent_status_;
  std::string stuck_;  // why no keep-alive was sent last time
};

}  // namespace sluice::daemon
