// Drain of an engine, within its drain_timeout.
#include <algorithm>
#include <thread>

#include "lib/observe/log.hpp"
#include "lib/server/engine.hpp"
#include "lib/server/engine_parts.hpp"

namespace sluice::core {
namespace {

// Remaining calls are cancelled before drain_timeout is over. The rest is a share of drain_timeout, up to a
// limit. It is for handlers to return, last replies to leave, clients to close their side and processes to
// end.
constexpr int kCutShare = 20;
constexpr milliseconds kCutTimeMax = std::chrono::seconds(1);
constexpr milliseconds kCutTimeMin(250);                        // even if drain_timeout is too short for that
constexpr milliseconds kBackendTime = std::chrono::seconds(3);  // for backends without calls to end
constexpr milliseconds kDrainLook(5);
constexpr milliseconds kControlLook(250);  // for threads that only need a notification

struct DrainTimes {
  TimePoint cancel;  // for the remaining calls
  TimePoint kill;    // for the remaining processes
  TimePoint end;
};

DrainTimes times_of(TimePoint begun, milliseconds drain_timeout) {
  const TimePoint cancel = begun + drain_timeout - std::min(drain_timeout / kCutShare, kCutTimeMax);
  const TimePoint end = std::max(begun + drain_timeout, cancel + kCutTimeMin);
  return {cancel, cancel + (end - cancel) / 2, end};
}

template <typename Condition>
bool wait_until(TimePoint until, const Condition& finished) {
  while (!finished() && Clock::now() < until) std::this_thread::sleep_for(kDrainLook);
  return finished();
}

TimePoint at_least(TimePoint until) { return std::max(until, Clock::now() + kControlLook); }

void cancel_what_is_left(EngineParts& parts) {
  for (const MethodMetrics* method : parts.metrics.methods()) {
    const std::size_t left = method->in_flight.load(std::memory_order_relaxed);
    if (left > 0) spdlog::warn("drain: {} calls of {} did not finish in time", left, printable(method->name));
  }
  parts.on_all([](IoPart& part) { part.sessions.abort_all_calls(proto::draining()); });
}

}  // namespace

bool Engine::drain(TimePoint begun) {
  EngineParts& parts = *parts_;
  const DrainTimes times = times_of(begun, parts.settings.drain_timeout);
  parts.ready.store(false, std::memory_order_release);
  parts.admission_pipeline.start_draining();
  parts.stop_listeners(parts.all_listeners(), at_least(times.cancel));
  parts.on_all([](IoPart& part) { part.sessions.drain_all(); });

  const auto clients_gone = [&] { return parts.connections() == 0; };
  const auto all_done = [&] { return clients_gone() && parts.admission.in_flight_approx() == 0; };
  // By now, calls that I/O threads had admitted have reached their backends, and no more will come. Idle
  // backends end while others' calls go on.
  if (parts.wait_for_all(times.cancel, [](IoPart&) {})) parts.hub.retire_all();
  const bool finished = wait_until(times.cancel, all_done);
  if (!finished) cancel_what_is_left(parts);
  parts.hub.end_all(finished ? std::min(times.kill, Clock::now() + kBackendTime) : times.kill);
  wait_until(times.end, clients_gone);

  const bool closed = parts.close_connections(at_least(times.end));
  // No more workers may be started.
  run_and_wait(parts.hub.io(), at_least(times.end), [&parts] { parts.overload.stop(); });
  parts.stuck = parts.pool.stop(times.end) > 0 || !closed;
  if (parts.stuck) return false;
  // Ended calls release their permits there. A coroutine that ignores cancellation keeps its own.
  const auto drain_completions = [](IoPart& part) { part.thread.workers().drain_completions(); };
  return parts.wait_for_all(at_least(times.end), drain_completions) &&
         parts.admission.in_flight_approx() == 0;
}

}  // namespace sluice::core
