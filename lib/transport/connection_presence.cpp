// Presence of a connection's client: its end of input, resets and silence.
#include <algorithm>
#include <utility>

#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

// Time for the calls of a client that has ended its side and waits a moment at most.
constexpr auto kLeavingTime = std::chrono::seconds(1);
// If bytes that test the peer's presence are not acknowledged in this time, the peer is gone. At least twice
// write_timeout: a slow reader may stop acknowledging as well.
constexpr milliseconds kUnacknowledgedTimeMin = std::chrono::seconds(60);

}  // namespace

void Connection::ping(TimePoint now) {
  const bool sends = output_.unsent() == 0;  // otherwise other bytes will be acknowledged
  timers_.on_ping_due(now, sends);
  if (!sends) return;
  limit_unacknowledged();
  codec()->send_keepalive_ping();
}

// The client has ended its side. Earlier input may be unread.
void Connection::on_peer_ended() {
  ending_.on_end_reported();
  if (ending_.lingering() || ending_.peer_gone() || ending_.closing()) return;
  const auto meaning = codec() ? codec()->input_end() : Codec::InputEnd::half_close;
  if (meaning == Codec::InputEnd::disconnect) return on_peer_gone();
  // A Unix socket reports that its peer is gone.
  if (stream_.local() && meaning == Codec::InputEnd::half_close) return;
  const auto pause =
      meaning == Codec::InputEnd::leaving ? milliseconds(kLeavingTime) : ConnectionTimers::kPeerLookTime;
  timers_.look_for_peer_by(io_.now() + pause);
}

bool Connection::peer_look_due(TimePoint now) const {
  return timers_.peer_look_due(now) && !ending_.lingering() && !ending_.peer_gone() &&
         rpc_session_.in_flight() > 0;
}

// Whether the client's end of input could follow bytes that are unread while the window is full. The end of a
// Unix socket is reported anyway.
bool Connection::end_may_be_hidden() const { return !stream_.local() && codec() && stream_.unread() > 0; }

void Connection::look_for_peer(TimePoint now) {
  timers_.on_peer_look();
  if (!ending_.end_known()) {
    if (!rpc_session_.window_full()) return;
    timers_.look_for_peer_by(now + ConnectionTimers::kPeerLookTime);
    if (!end_may_be_hidden()) return;
  }
  if (ending_.end_known() && codec()->input_end() == Codec::InputEnd::leaving) {
    // Its calls are stopped; replies under way are still sent.
    ending_.set_reason(CloseReason::reset);
    rpc_session_.disconnected();
    io_.defer(*this);
    return;
  }
  // A closed socket answers any bytes with a reset.
  if (output_.unsent() == 0 && rpc_session_.reply_due()) {
    limit_unacknowledged();
    if (!codec()->test_peer()) return;
  }
  timers_.look_for_peer_by(now + ConnectionTimers::kPeerLookTime);
}

void Connection::limit_unacknowledged() {
  if (std::exchange(unacknowledged_limited_, true)) return;
  stream_.limit_unacknowledged(std::max(kUnacknowledgedTimeMin, 2 * io_.limits.write_timeout));
}

// This thread may have been kept from its sockets for as long as the client seems to have been silent.
bool Connection::may_have_spoken(CloseReason reason) const {
  const bool silence = reason == CloseReason::idle_timeout || reason == CloseReason::message_timeout;
  return silence && !ending_.lingering() && wants_input() && stream_.unread() > 0;
}

}  // namespace sluice::core
