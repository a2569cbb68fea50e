// Deadlines of a connection, and what follows when one passes.
#include <exception>

#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

// Delay of a connection's deadline if too many have passed at once.
constexpr auto kDeadlinePause = std::chrono::milliseconds(1);

}  // namespace

ConnectionTimers::State Connection::timer_state() const {
  return {
      .lingering = ending_.lingering(),
      .takes_input = ending_.takes_input(),
      .looks_ahead = looks_ahead_,
      .has_unsent = output_.unsent() > 0,
      .in_message = in_message(),
      .input_waits = input_waits_,
      .may_process = may_process(),
      .securing = stream_.securing(),
      .awaits_proxy = stream_.awaits_proxy_header(),
      .has_calls = rpc_session_.in_flight() > 0 || events_.any(),
      .draining = ending_.draining(),
      .pings = pings_,
  };
}

// Must not throw: other deadlines pass in the same tick.
void Connection::on_deadline(TimePoint now) {
  scheduled_ = TimePoint::max();
  if (ending_.closed()) return;
  if (io_.slice_over(1)) {
    // Thousands of silent connections may have been opened at the same moment.
    scheduled_ = now + kDeadlinePause;
    return io_.set_deadline(*this, scheduled_);
  }
  try {
    look_at_time(now);
  } catch (const std::exception&) {
    close(CloseReason::stopped);
  }
}

void Connection::look_at_time(TimePoint now) {
  if (ending_.lingering() && timers_.linger_over(now))
    timers_.prolong_linger(io_.now(), io_.limits, stream_.undelivered());
  if (timers_.look_ahead_due(now, timer_state())) {
    begin_look_ahead();
    io_.defer(*this);
  }
  if (pings_ && ending_.takes_input() && timers_.ping_due(now, io_.limits, timer_state())) ping(now);
  if (peer_look_due(now)) look_for_peer(now);
  if (events_.deadline() <= now) io_.defer(*this);
  if (timers_.next_deadline(io_.limits, timer_state()) > now) return schedule();
  CloseReason reason = timers_.expired_reason(now, io_.limits, timer_state());
  if (may_have_spoken(reason)) {
    read_at_once();
    if (ending_.closing() || timers_.next_deadline(io_.limits, timer_state()) > io_.now()) return schedule();
    reason = timers_.expired_reason(io_.now(), io_.limits, timer_state());
  }
  if (reason == CloseReason::message_timeout && !ending_.lingering() && codec() && codec()->time_out())
    return;
  if (reason == CloseReason::draining && !ending_.lingering()) {
    end_drained();
  } else {
    close(ending_.lingering() ? ending_.reason() : reason);
  }
}

// Input from before the drain gets an answer, and this thread may have been kept from its sockets for as long
// as the quiet time.
void Connection::end_drained() {
  if (wants_input() && stream_.unread() > 0) {
    read_at_once();
    if (timers_.next_deadline(io_.limits, timer_state()) > io_.now()) return schedule();
  }
  end_input(CloseReason::draining);
}

}  // namespace sluice::core
