// Whether a connection's client is still there, and what its silence means.
#include <algorithm>
#include <utility>

#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

// For the calls of a client that has ended its side and waits a moment at most.
constexpr auto kLeavingTime = std::chrono::seconds(1);
// What was sent to find out whether the peer is there, and is not acknowledged by its system for so long,
// tells that it is not. At least twice write_timeout: a peer that reads slowly acknowledges no more either.
constexpr milliseconds kUnacknowledgedTimeMin = std::chrono::seconds(60);

}  // namespace

void Connection::ping(TimePoint now) {
  const bool sends = output_.unsent() == 0;  // else there is something else to be acknowledged
  timers_.on_ping_due(now, sends);
  if (!sends) return;
  limit_unacknowledged();
  codec()->probe();
}

// The client has ended its side: all that it sent before may have been read, or not.
void Connection::on_peer_ended() {
  ending_.on_end_reported();
  if (ending_.lingering() || ending_.peer_gone() || ending_.closing()) return;
  const auto meaning = codec() ? codec()->input_end() : Codec::InputEnd::half_close;
  if (meaning == Codec::InputEnd::disconnect) return on_peer_gone();
  // A Unix socket's peer is seen to be gone.
  if (stream_.local() && meaning == Codec::InputEnd::half_close) return;
  const auto pause =
      meaning == Codec::InputEnd::leaving ? milliseconds(kLeavingTime) : ConnectionTimers::kPeerLookTime;
  timers_.look_for_peer_by(io_.now() + pause);
}

bool Connection::peer_look_due(TimePoint now) const {
  return timers_.peer_look_due(now) && !ending_.lingering() && !ending_.peer_gone() &&
         rpc_session_.in_flight() > 0;
}

// Whether the client's end of input could follow bytes that are not read while the window is full. The end
// of a Unix socket is reported all the same.
bool Connection::end_may_be_hidden() const { return !stream_.local() && codec() && stream_.unread() > 0; }

void Connection::look_for_peer(TimePoint now) {
  timers_.on_peer_look();
  if (!ending_.end_known()) {
    if (!rpc_session_.window_full()) return;
    timers_.look_for_peer_by(now + ConnectionTimers::kPeerLookTime);
    if (!end_may_be_hidden()) return;
  }
  if (ending_.end_known() && codec()->input_end() == Codec::InputEnd::leaving) {
    // Its calls are stopped; replies on their way are still sent.
    ending_.set_reason(CloseReason::reset);
    rpc_session_.disconnected();
    io_.defer(*this);
    return;
  }
  // A closed socket answers what is sent to it with a reset.
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
