// When a connection has waited for long enough, and what follows.
#include <algorithm>
#include <exception>

#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

// A draining connection is closed at the latest after this time: calls on their way get their refusal.
constexpr auto kDrainRefusalTime = std::chrono::seconds(1);
// A TLS handshake may take so long, and no longer than a message.
constexpr milliseconds kHandshakeTime = std::chrono::seconds(10);
// How long a connection's deadline is put off where too many have passed at once.
constexpr auto kDeadlinePause = std::chrono::milliseconds(1);

}  // namespace

// The earliest time at which one of its waits ends.
TimePoint Connection::next_deadline() const {
  const Limits& limits = io_.limits;
  if (lingering_) return linger_until_;
  TimePoint due = look_ahead_due();
  if (turned_away_ && !input_over_) due = std::min(due, *turned_away_);
  if (output_.unsent() > 0) due = std::min(due, last_output_ + limits.write_timeout);
  const bool partial = !input_over_ && !input_waits_ && in_message();
  if (partial && may_process() && !paused_) {
    due = std::min(due, message_began_ + limits.message_timeout);
    if (skip_until_) due = std::min(due, *skip_until_);
  }
  if (stream_.securing()) due = std::min(due, handshake_due());
  if (is_idle() && !partial) due = std::min(due, idle_deadline());
  if (pings_ && !input_over_) due = std::min(due, ping_due());
  if (peer_look_ && rpc_session_.in_flight() > 0) due = std::min(due, *peer_look_);
  if (draining_ && is_idle() && !input_over_) {
    const TimePoint quiet = std::max(last_input_, drain_began_) + kDrainQuietTime;
    due = std::min(due, partial ? TimePoint::max() : quiet);
  }
  due = std::min(due, refusals_end());
  return due;
}

// A client that goes on sending is never quiet: it is refused for so long, once what it had in flight is
// answered.
TimePoint Connection::refusals_end() const {
  const bool refuses = draining_ && !input_over_ && rpc_session_.in_flight() == 0;
  return refuses ? drain_began_ + kDrainRefusalTime : TimePoint::max();
}

TimePoint Connection::handshake_due() const {
  return message_began_ + std::min(kHandshakeTime, io_.limits.message_timeout);
}

// Must not throw: other deadlines pass in the same tick.
void Connection::on_deadline(TimePoint now) {
  scheduled_ = TimePoint::max();
  if (closed_) return;
  if (io_.slice_over(1)) {
    // Thousands that have nothing to say may have come at the same moment.
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
  if (lingering_ && linger_until_ <= now) prolong_linger();
  if (look_ahead_due() <= now) {
    begin_look_ahead();
    io_.defer(*this);
  }
  if (pings_ && !input_over_ && !lingering_ && ping_due() <= now) ping(now);
  if (peer_look_due(now)) look_for_peer(now);
  if (next_deadline() > now) return schedule();
  CloseReason reason = expired_reason(now);
  if (may_have_spoken(reason)) {
    read_at_once();
    if (closed_ || close_pending_ || next_deadline() > io_.now()) return schedule();
    reason = expired_reason(io_.now());
  }
  if (reason == CloseReason::message_timeout && !lingering_ && codec_ && codec_->time_out()) return;
  if (reason == CloseReason::draining && !lingering_) {
    end_drained();
  } else {
    close(lingering_ ? close_reason_ : reason);
  }
}

// What came before the drain is owed an answer, and this thread may have been kept from its sockets for as
// long as a connection counts as quiet.
void Connection::end_drained() {
  if (wants_input() && stream_.unread() > 0) {
    read_at_once();
    if (next_deadline() > io_.now()) return schedule();
  }
  end_input(CloseReason::draining);
}

CloseReason Connection::expired_reason(TimePoint now) const {
  const Limits& limits = io_.limits;
  if (output_.unsent() > 0 && last_output_ + limits.write_timeout <= now) return CloseReason::write_timeout;
  if (draining_ && is_idle()) return CloseReason::draining;
  if (turned_away_ && *turned_away_ <= now) return CloseReason::overloaded;
  if (refusals_end() <= now) return CloseReason::draining;
  if (stream_.securing() && handshake_due() <= now)
    return stream_.awaits_proxy_header() ? CloseReason::message_timeout : CloseReason::tls_failed;
  if (skip_until_ && *skip_until_ <= now) return CloseReason::message_too_big;
  if (in_message()) return CloseReason::message_timeout;
  return CloseReason::idle_timeout;
}

}  // namespace sluice::core
