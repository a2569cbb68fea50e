// Course of a connection: iterations, waits and its end.
#include <array>
#include <new>

#include "lib/loop/peer_charge.hpp"
#include "lib/observe/log.hpp"
#include "lib/transport/connection.hpp"

namespace sluice::core {

// Its memory is freed at its peer's expense; the state of TLS takes longest.
Connection::~Connection() {
  const PeerCharge charge(io_, *share());
  stream_.forget_tls();
}

void Connection::charge_since(TimePoint began) {
  io_.update_time();
  io_.slices().begin(*share(), began);
  io_.slices().end(io_.now());
}

void Connection::on_deferred() {
  if (ending_.closed()) return;
  try {
    run_deferred_work();
  } catch (const std::exception&) {
    // The watch may be incomplete: the connection might never be notified again.
    close(CloseReason::stopped);
  }
}

void Connection::run_deferred_work() {
  if (!output_.blocked()) flush(Extent::slice);
  if (events_.any()) deliver_events();
  if (only_waits()) return rest();
  if (waiting_notes_ != nullptr) deliver_notes();
  // Beside a write, which is charged as well. A few bytes now and then would otherwise be looked at for
  // nothing.
  io_.slices().charge_small(*share(), io_.now(), SmallWork::write);
  if (ending_.peer_gone() && !ending_.closing() && !postponed()) {
    const PeerCharge charge(io_, *share());
    read_remaining_notifications();
  }
  if (looks_ahead_ || window_changed()) update_look_ahead();
  if (timers_.paused() && !held_up()) timers_.resume_message(io_.now());
  if (input_waits_ && may_process() && !postponed() && !ending_.peer_gone()) process_waiting();
  // Input that had to wait has been processed by now.
  if (unproven_bytes_ > io_.limits.unproven_bytes_max) watch_unproven();
  // The poller does not report input that TLS has read already.
  if (stream_.buffered() && wants_input()) io_.postpone(*this);
  if (ending_.closing()) return close(ending_.reason());
  if (ending_.finishing() && is_idle()) send_protocol_close();
  if (ending_.closing()) return close(ending_.reason());
  if (ending_.finishing() && is_idle()) return close_gracefully();
  if (ending_.lingering() && ending_.end_read() && !stream_.ending()) return close(ending_.reason());
  if (!timers_.paused() && in_message() && held_up()) timers_.pause_message(io_.now());
  update_waits();
  count_memory();
  schedule();
}

// Behind replies, which are written by now, and in a write of their own: client libraries lose an event that
// comes with the reply that they subscribed by.
void Connection::deliver_events() {
  if (ending_.closing() || ending_.peer_gone()) return;
  // The client asks for nothing more, and gets the replies to its calls.
  if (ending_.finishing() && !ending_.draining() && rpc_session_.in_flight() == 0) return events_.clear();
  const bool wrote = events_.deliver(*codec(), output_.unsent());
  if (!events_.any()) codec()->on_events_over();
  // Nothing else may show that the client is gone without a word.
  if (wrote) limit_unacknowledged();
  if (!wrote || output_.blocked()) return;
  flush(Extent::slice);
  if (events_.waiting() && !output_.blocked()) io_.defer(*this);
}

// Ended calls made room. Each event of the loop may end some, so that a busy peer would get a slice after
// each of them.
void Connection::process_waiting() {
  if (!codec() || !codec()->in_message()) timers_.begin_message(io_.now());
  if (takes_too_much()) return io_.postpone(*this);
  const PeerCharge charge(io_, *share());
  process(in_);
  // The window may be full again.
  if (window_changed()) update_look_ahead();
}

// Whether the next event is a message or a call's end, as nearly always.
// One `or` for each flag, not one branch: this runs after nearly every read.
bool Connection::only_waits() const {
  const bool stuck = output_.blocked() | input_waits_ | looks_ahead_ | timers_.interrupted() | events_.any() |
                     (waiting_notes_ != nullptr);
  if (!ending_.untouched() | stuck | !output_.empty() | !in_.empty() | stream_.staged() | postponed())
    return false;
  return codec() && !codec()->in_message() && codec()->held_bytes() == 0 && !rpc_session_.window_full() &&
         unproven_bytes_ <= io_.limits.unproven_bytes_max;
}

// The rest of run_deferred_work() in that case. Empty buffers have been recycled.
void Connection::rest() {
  stream_.watch_for(Poller::kReadable);
  const std::size_t held = codec()->input_bytes() + rpc_session_.held_bytes();
  if (held >= MemoryBudget::kSlackBytes || counted_bytes > 0) count_memory();
  schedule(timers_.rest_deadline(io_.limits, rpc_session_.in_flight() > 0, pings_));
}

// While the connection is not read, a disconnect is still detected. For a postponed connection it is reported
// once: the event can't be masked, and thousands of such reports would delay other sockets.
void Connection::update_waits() {
  const bool wants = wants_input();
  const bool may_end = !wants && !ending_.end_known() && !ending_.lingering();
  const std::uint32_t once = postponed() && !output_.blocked() ? Poller::kOnce : 0;
  stream_.watch_for((wants && !postponed() ? Poller::kReadable : 0) |
                    (output_.blocked() ? Poller::kWritable : 0) | (may_end ? ByteStream::kEnded : 0) | once);
}

bool Connection::is_idle() const {
  return rpc_session_.in_flight() == 0 && output_.unsent() == 0 && !input_waits_ && !events_.waiting();
}

void Connection::end_input(CloseReason reason) {
  ending_.end_input(reason);
  input_waits_ = false;
  io_.defer(*this);
}

// A client whose handshake failed gets the alert before the connection ends.
void Connection::on_read_failure() {
  if (stream_.flooded()) return schedule_close(CloseReason::tls_flood);
  if (stream_.handshake_failed() && ending_.takes_input()) return end_input(CloseReason::tls_failed);
  on_peer_gone();
}

void Connection::send_protocol_close() {
  if (!codec() || ending_.protocol_close_sent()) return;
  codec()->protocol_close(ending_.reason());
  if (output_.unsent() == 0) return;
  ending_.on_protocol_close_sent();
  flush(Extent::whole);
}

void Connection::close_gracefully() {
  const CloseReason reason = ending_.reason();
  // If no data is under way in either direction, a reset destroys nothing. A client that is cut off within a
  // message may only be pausing.
  const bool cut_off = reason == CloseReason::framing_lost || reason == CloseReason::message_too_big ||
                       reason == CloseReason::message_timeout || reason == CloseReason::unproven ||
                       reason == CloseReason::overloaded;
  const bool quiet = !cut_off && !ending_.protocol_close_sent() && timers_.quiet(io_.now());
  const bool safe = ending_.end_read() || (quiet && stream_.undelivered() == 0 && stream_.unread() == 0);
  if (safe && stream_.say_end()) return close(reason);
  linger();
}

void Connection::linger() {
  ending_.linger();
  timers_.begin_linger(io_.now(), io_.limits, stream_.undelivered());
  stream_.shutdown_send();
  update_waits();
  schedule();
}

void Connection::drain() {
  if (ending_.draining()) return;
  ending_.begin_drain();
  timers_.begin_drain(io_.now());
  events_.end_all(SubscriptionEnd::draining);
  schedule();
}

void Connection::abort_calls(const proto::Error& error) {
  input_waits_ = false;
  try {
    rpc_session_.abort_all(error);
    end_input(CloseReason::draining);
  } catch (const std::bad_alloc&) {
    // The next connections are still to be notified.
    schedule_close(CloseReason::draining);
  }
}

void Connection::close(CloseReason reason) {
  if (!ending_.close()) return;
  const auto keep = shared_from_this();
  const PeerCharge charge(io_, *share());
  if (ending_.peer_gone()) host_.lost_client_closed();
  rpc_session_.disconnected();
  events_.clear();
  waiting_notes_.reset();
  if (log_enabled(spdlog::level::debug)) log_close(reason);
  stream_.close();
  io_.clear_deadline(*this);
  static_cast<ListHook<ReaderTag>&>(*this).unlink();
  static_cast<ListHook<SliceTag>&>(*this).unlink();
  MetricsShard& metrics = io_.metrics();
  metrics.closed[static_cast<std::size_t>(reason)].add(1);
  metrics.connections_now[static_cast<std::size_t>(protocol_)].add(-1);
  if (protocol_ == Protocol::unknown) metrics.connections_total[static_cast<std::size_t>(protocol_)].add(1);
  host_.remove(*this);
}

void Connection::log_close(CloseReason reason) const {
  try {
    log_fields(spdlog::level::debug, fmt::format("connection closed: {}", to_string(reason)),
               std::array<LogField, 1>{{{"peer", peer()}}});
  } catch (const std::bad_alloc&) {
    // The connection is closed anyway.
  }
}

void Connection::count_protocol(Protocol protocol) {
  MetricsShard& metrics = io_.metrics();
  metrics.connections_now[static_cast<std::size_t>(protocol_)].add(-1);
  protocol_ = protocol;
  metrics.connections_now[static_cast<std::size_t>(protocol_)].add(1);
  metrics.connections_total[static_cast<std::size_t>(protocol_)].add(1);
}

// The deadline is moved only to an earlier time. If it passes too early, it is set again. So a busy
// connection does not touch the wheel for each message.
void Connection::schedule(TimePoint due) {
  if (due >= scheduled_) return;
  scheduled_ = due;
  io_.set_deadline(*this, due);
}

}  // namespace sluice::core
