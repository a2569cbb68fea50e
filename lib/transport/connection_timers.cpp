#include "lib/transport/connection_timers.hpp"

#include <utility>

namespace sluice::core {
namespace {

// Time limit for the end of an oversize message.
constexpr auto kOversizeSkipTime = std::chrono::seconds(5);
constexpr auto kOverloadedTime = std::chrono::seconds(2);
// Time limit of a TLS handshake, if shorter than that of a message.
constexpr milliseconds kHandshakeTime = std::chrono::seconds(10);
// A window that has been full for this time is looked beyond. If calls are answered sooner, waiting input is
// read soon enough, and copying it would cost each call.
constexpr auto kLookAheadPause = std::chrono::milliseconds(10);
// Time before the first presence check, since the client's end of input may follow unread bytes.
constexpr auto kHiddenEndTime = std::chrono::seconds(3);
// Time limit of a draining connection: calls under way are refused until then.
constexpr auto kDrainRefusalTime = std::chrono::seconds(1);
constexpr milliseconds kLingerTime = std::chrono::seconds(2);

}  // namespace

TimePoint ConnectionTimers::next_deadline(const Limits& limits, const State& state) const {
  if (state.lingering) return linger_until_;
  TimePoint due = look_ahead_deadline(state);
  const auto add = [&due](bool counts, TimePoint deadline) {
    if (counts) due = std::min(due, deadline);
  };
  const bool partial = state.partial();
  const bool idle = state.idle();
  add(overloaded_until_ && state.takes_input, overloaded_until_.value_or(TimePoint::max()));
  add(state.has_unsent, last_output_ + limits.write_timeout);
  if (partial && state.may_process && !paused_) {
    add(true, message_began_ + limits.message_timeout);
    add(true, skip_until_.value_or(TimePoint::max()));
  }
  add(state.securing, handshake_deadline(limits));
  add(idle && !partial, idle_deadline(limits, state.pings));
  add(state.pings && state.takes_input, ping_deadline(limits, idle));
  add(state.has_calls, peer_look_.value_or(TimePoint::max()));
  add(state.draining && idle && state.takes_input && !partial,
      std::max(last_input_, drain_began_) + kDrainQuietTime);
  add(true, refusals_deadline(state));
  return due;
}

CloseReason ConnectionTimers::expired_reason(TimePoint now, const Limits& limits, const State& state) const {
  if (state.has_unsent && last_output_ + limits.write_timeout <= now) return CloseReason::write_timeout;
  if (state.draining && state.idle()) return CloseReason::draining;
  if (overloaded_until_ && *overloaded_until_ <= now) return CloseReason::overloaded;
  if (refusals_deadline(state) <= now) return CloseReason::draining;
  if (state.securing && handshake_deadline(limits) <= now)
    return state.awaits_proxy ? CloseReason::message_timeout : CloseReason::tls_failed;
  if (skip_until_ && *skip_until_ <= now) return CloseReason::message_too_big;
  if (state.in_message) return CloseReason::message_timeout;
  return CloseReason::idle_timeout;
}

// A message can't go on while the connection is not read; its client is not charged that time.
void ConnectionTimers::resume_message(TimePoint now) {
  const auto pause = now - *std::exchange(paused_, std::nullopt);
  message_began_ = std::min(message_began_ + pause, now);
  if (skip_until_) *skip_until_ += pause;
}

void ConnectionTimers::change_skipping(bool skips, TimePoint now) {
  if (skips) {
    skip_until_ = now + kOversizeSkipTime;
  } else {
    skip_until_.reset();
  }
}

void ConnectionTimers::begin_overloaded(TimePoint now) { overloaded_until_ = now + kOverloadedTime; }

void ConnectionTimers::on_window_full(TimePoint now) {
  window_full_since_ = now;
  if (!peer_look_) peer_look_ = now + kHiddenEndTime;
}

void ConnectionTimers::on_ping_due(TimePoint now, bool sent) {
  last_ping_ = now;
  if (sent && !ping_sent_) ping_sent_ = now;
}

// At regular times, even while calls run: proxies close silent connections. For an idle connection also in
// the middle of its idle timeout.
TimePoint ConnectionTimers::ping_deadline(const Limits& limits, bool idle) const {
  const TimePoint regular = last_ping_ + limits.ping_interval;
  if (ping_sent_ || !idle) return regular;
  return std::min(regular, idle_since() + limits.idle_timeout / 2);
}

TimePoint ConnectionTimers::handshake_deadline(const Limits& limits) const {
  return message_began_ + std::min(kHandshakeTime, limits.message_timeout);
}

TimePoint ConnectionTimers::look_ahead_deadline(const State& state) const {
  const bool waits = window_full_since_ && !state.looks_ahead && state.takes_input;
  return waits ? *window_full_since_ + kLookAheadPause : TimePoint::max();
}

// A client that keeps sending is never quiet. Its calls are refused for this time, once the earlier ones are
// answered.
TimePoint ConnectionTimers::refusals_deadline(const State& state) const {
  const bool refuses = state.draining && state.takes_input && !state.has_calls;
  return refuses ? drain_began_ + kDrainRefusalTime : TimePoint::max();
}

void ConnectionTimers::begin_linger(TimePoint now, const Limits& limits, std::size_t undelivered) {
  linger_undelivered_ = undelivered;
  linger_progress_ = now;
  linger_until_ = next_linger_look(now, limits);
}

void ConnectionTimers::prolong_linger(TimePoint now, const Limits& limits, std::size_t undelivered) {
  if (undelivered < linger_undelivered_) {
    linger_progress_ = now;
  } else if (linger_undelivered_ == 0 || now - linger_progress_ >= limits.write_timeout) {
    return;
  }
  linger_undelivered_ = undelivered;
  linger_until_ = next_linger_look(now, limits);
}

// Bytes under way at the beginning of a linger usually arrive a moment later. That is noticed long before
// write_timeout.
TimePoint ConnectionTimers::next_linger_look(TimePoint now, const Limits& limits) const {
  return now + (linger_undelivered_ == 0 ? kLingerTime : std::min(kLingerTime, limits.write_timeout));
}

}  // namespace sluice::core
