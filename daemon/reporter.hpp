// Keeps the service manager informed about a running engine.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "daemon/signals.hpp"
#include "daemon/systemd.hpp"
#include "lib/server/engine.hpp"

namespace sluice::daemon {

// Sends a status line when it has changed, and feeds the watchdog from the engine's own proof of progress.
// Has no thread and no timer: whoever runs it asks when it is due, and passes the time in. Nothing is ever
// due where no service manager is present. Belongs to one thread.
class Reporter {
 public:
  Reporter(const ServiceManager& service, const core::Engine& engine, TimePoint now);

  // When report() wants to be called next; nothing for never.
  std::optional<TimePoint> next_due() const;

  // Does what is due by `now`. May take as long as the engine's health is waited for: a few seconds at
  // most, and those only when something is stuck.
  void report(TimePoint now);

  // What the status line says behind the numbers from now on; empty for nothing.
  void set_note(std::string note) { note_ = std::move(note); }

 private:
  void send_status();
  void feed_watchdog();

  const ServiceManager& service_;
  const core::Engine& engine_;
  std::optional<TimePoint> status_due_;
  std::optional<TimePoint> watchdog_due_;
  std::string note_;
  std::string sent_status_;
  std::string stuck_;  // what kept the watchdog from being fed last time
};

}  // namespace sluice::daemon
