#include "lib/server/settings.hpp"

#include <algorithm>
#include <stdexcept>

#include "lib/access/client_rules.hpp"
#include "lib/base/machine_memory.hpp"
#include "lib/base/processors.hpp"
#include "lib/server/event_rules.hpp"
#include "lib/transport/listen/listener_rules.hpp"

namespace sluice::core {
namespace {

constexpr std::size_t kWorkersMin = 4;  // blocking handlers mostly wait; a few must be able to run at once
constexpr std::size_t kIoThreadsMax = 16;
constexpr std::size_t kUnprovenBytesMax = 64 * 1024;  // of a connection, if clients are configured

// Throws std::invalid_argument for invalid or contradictory settings.
void validate(const Settings& settings) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
  };
  const Limits& limits = settings.limits;
  require(limits.connection_window > 0, "connection_window must be at least 1");
  require(limits.batch_width > 0, "batch_width must be at least 1");
  require(limits.batch_entries_max > 0, "max_batch must be at least 1");
  require(limits.message_bytes_max > 0 && limits.message_bytes_max <= proto::kMessageBytesCeiling,
          "max_message must be between 1 byte and 1 GiB");
  require(limits.response_bytes_max > 0, "max_response must be at least 1 byte");
  require(settings.max_connections > 0, "max_connections must be at least 1");
  for (const milliseconds time : {limits.call_timeout, limits.idle_timeout, limits.message_timeout,
                                  limits.write_timeout, limits.ping_interval}) {
    require(time.count() > 0, "time limits must be positive");
  }
  check_clients(settings.clients);
  for (const ListenSettings& listen : settings.listeners) check_listener(listen, !settings.clients.empty());
  check_events(settings.events, settings.listeners);
}

}  // namespace

Settings resolved(Settings settings) {
  validate(settings);
  if (settings.io_threads == 0)
    settings.io_threads = std::clamp<std::size_t>(processor_count() / 2, 1, kIoThreadsMax);
  // Threads that take processors from each other by polling cost more than they gain. Beside several I/O
  // threads, backends have a thread of their own.
  const std::size_t polling = settings.io_threads > 1 ? settings.io_threads + 1 : 1;
  if (polling > processor_count()) settings.limits.busy_poll = false;
  if (settings.workers == 0) settings.workers = std::max(kWorkersMin, 2 * processor_count());
  settings.workers_max = std::max(settings.workers, settings.workers_max);
  if (settings.max_in_flight == 0) settings.max_in_flight = settings.workers * (settings.worker_queue + 1);
  if (settings.memory_bytes_max == 0) settings.memory_bytes_max = default_memory_max();
  if (!settings.clients.empty()) settings.limits.unproven_bytes_max = kUnprovenBytesMax;
  for (milliseconds* time :
       {&settings.drain_timeout, &settings.limits.call_timeout, &settings.limits.idle_timeout,
        &settings.limits.message_timeout, &settings.limits.write_timeout, &settings.limits.ping_interval,
        &settings.events.slow_grace, &settings.events.heartbeat}) {
    *time = std::min(*time, kLongestWait);
  }
  for (auto& [pattern, topic] : settings.events.topics) {
    topic.history_age_max = std::min(topic.history_age_max, kLongestWait);
  }
  return settings;
}

}  // namespace sluice::core
