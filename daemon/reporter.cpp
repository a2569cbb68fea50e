#include "daemon/reporter.hpp"

#include <algorithm>

#include "lib/observe/log.hpp"

namespace sluice::daemon {

namespace {

using std::chrono::milliseconds;

constexpr auto kStatusInterval = std::chrono::seconds(5);
constexpr auto kHealthWaitMax = std::chrono::seconds(2);

std::string status_line(const core::EngineStatus& status, const std::string& note) {
  return fmt::format("Serving: {} calls in flight of {}, {} connections{}", status.in_flight,
                     status.in_flight_limit, status.connections, note.empty() ? "" : "; " + note);
}

}  // namespace

Reporter::Reporter(const ServiceManager& service, const core::Engine& engine, TimePoint now)
    : service_(service), engine_(engine) {
  if (service_.present()) status_due_ = now;
  if (service_.watchdog_interval()) watchdog_due_ = now;
}

std::optional<TimePoint> Reporter::next_deadline() const {
  if (status_due_ && watchdog_due_) return std::min(*status_due_, *watchdog_due_);
  return status_due_ ? status_due_ : watchdog_due_;
}

void Reporter::report(TimePoint now) {
  if (watchdog_due_ && *watchdog_due_ <= now) {
    watchdog_due_ = now + *service_.watchdog_interval() / 2;
    send_keep_alive();
  }
  if (status_due_ && *status_due_ <= now) {
    status_due_ = now + kStatusInterval;
    send_status();
  }
}

void Reporter::send_status() {
  std::string line = status_line(engine_.status(), note_);
  if (line == sent_status_) return;
  service_.status(line);
  sent_status_ = std::move(line);
}

void Reporter::send_keep_alive() {
  // A quarter of the interval leaves the next attempt in time even when this one has to wait.
  const auto quarter = std::chrono::duration_cast<milliseconds>(*service_.watchdog_interval() / 4);
  const core::Health health = engine_.health(std::min<milliseconds>(quarter, kHealthWaitMax));
  if (health.ok) {
    service_.send_keep_alive();
    if (!stuck_.empty()) spdlog::info("progress is made again; keep-alives to the watchdog resume");
    stuck_.clear();
  } else if (stuck_ != health.reason) {
    spdlog::error("no keep-alives to the watchdog: {}", health.reason);
    stuck_ = health.reason;
  }
}

}  // namespace sluice::daemon
