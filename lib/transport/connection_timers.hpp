// Timers of a connection: every wait and its deadline.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "lib/call/limits.hpp"
#include "lib/observe/metrics.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Every wait of a connection has an end. next_deadline() is the first of all; expired_reason() says which one
// has passed. Reads no clock and uses no system timer: `now` is passed in. I/O thread only.
class ConnectionTimers {
 public:
  // A draining connection is closed after this time without input.
  static constexpr auto kDrainQuietTime = std::chrono::milliseconds(20);
  // Interval of presence checks of a client that may have gone unnoticed, while it has calls.
  static constexpr auto kPeerLookTime = std::chrono::milliseconds(1500);

  // State of the connection that the deadlines depend on.
  struct State {
    bool lingering = false;
    bool takes_input = true;
    bool looks_ahead = false;   // beyond a full window
    bool has_unsent = false;    // output waits
    bool in_message = false;    // a message has begun and not ended
    bool input_waits = false;   // input waits for backpressure to end
    bool may_process = true;    // no backpressure
    bool securing = false;      // the PROXY header or the TLS handshake is not complete
    bool awaits_proxy = false;  // the PROXY header is not complete
    bool has_calls = false;
    bool draining = false;
    bool pings = false;  // the protocol has keep-alive pings

    bool idle() const { return !has_calls && !has_unsent && !input_waits; }
    // Only the client can complete the message.
    bool partial() const { return takes_input && !input_waits && in_message; }
  };

  explicit ConnectionTimers(TimePoint now)
      : last_input_(now), last_output_(now), last_busy_(now), last_ping_(now), message_began_(now) {}

  TimePoint next_deadline(const Limits& limits, const State& state) const;
  // Why a connection is closed whose deadline has passed. Meaningless while it lingers.
  CloseReason expired_reason(TimePoint now, const Limits& limits, const State& state) const;
  // The deadline of a connection without output, message or other wait.
  TimePoint rest_deadline(const Limits& limits, bool has_calls, bool pings) const;
  // Whether a wait has begun that rest_deadline() leaves out.
  bool interrupted() const {
    return paused_.has_value() | skip_until_.has_value() | overloaded_until_.has_value() |
           window_full_since_.has_value();
  }

  void on_input(TimePoint now) {
    last_input_ = now;
    ping_sent_.reset();
  }
  // Output begins to wait, or makes progress.
  void on_output(TimePoint now) { last_output_ = now; }
  // A call has ended, or waiting output has left.
  void on_busy(TimePoint now) { last_busy_ = now; }
  // True after so long a silence that no input is under way.
  bool quiet(TimePoint now) const { return now - last_input_ >= kDrainQuietTime; }

  // Message: its time runs while its client could continue it.
  void begin_message(TimePoint now) { message_began_ = now; }
  bool paused() const { return paused_.has_value(); }
  void pause_message(TimePoint now) { paused_ = now; }
  void resume_message(TimePoint now);
  // Starts or stops the wait for the end of an oversize message, which has a limit of its own.
  void watch_skipping(bool skips, TimePoint now) {
    if (skips != skipping()) change_skipping(skips, now);
  }
  bool skipping() const { return skip_until_.has_value(); }

  // Starts the wait for the first bytes of a client that connected while memory is short. They show in which
  // protocol to refuse it.
  void begin_overloaded(TimePoint now);
  bool overloaded() const { return overloaded_until_.has_value(); }

  // Full window: after a while look-ahead begins, and the client's presence is checked.
  void on_window_full(TimePoint now);
  void on_window_open() { window_full_since_.reset(); }
  bool window_full() const { return window_full_since_.has_value(); }
  bool look_ahead_due(TimePoint now, const State& state) const { return look_ahead_deadline(state) <= now; }

  // Keep-alive pings. `sent` false: other bytes will be acknowledged.
  void on_ping_due(TimePoint now, bool sent);
  void restart_pings(TimePoint now) { last_ping_ = now; }
  bool ping_due(TimePoint now, const Limits& limits, const State& state) const {
    return ping_deadline(limits, state.idle()) <= now;
  }

  // Checks the client's presence at `when` at the latest.
  void look_for_peer_by(TimePoint when) { peer_look_ = std::min(peer_look_.value_or(when), when); }
  bool peer_look_due(TimePoint now) const { return peer_look_ && *peer_look_ <= now; }
  void on_peer_look() { peer_look_.reset(); }

  void begin_drain(TimePoint now) { drain_began_ = now; }

  // Linger: waits for the client's end after the last response. `undelivered` bytes have not reached its
  // system yet. Closing a socket with unread input would reset the connection, and lose responses under way.
  void begin_linger(TimePoint now, const Limits& limits, std::size_t undelivered);
  // A client that reads slowly, but reads, gets its responses.
  void prolong_linger(TimePoint now, const Limits& limits, std::size_t undelivered);
  bool linger_over(TimePoint now) const { return linger_until_ <= now; }

 private:
  void change_skipping(bool skips, TimePoint now);
  TimePoint idle_since() const { return std::max(last_input_, last_busy_); }
  TimePoint idle_deadline(const Limits& limits, bool pings) const;
  TimePoint ping_deadline(const Limits& limits, bool idle) const;
  TimePoint handshake_deadline(const Limits& limits) const;
  TimePoint look_ahead_deadline(const State& state) const;
  TimePoint refusals_deadline(const State& state) const;
  TimePoint next_linger_look(TimePoint now, const Limits& limits) const;

  TimePoint last_input_;
  TimePoint last_output_;               // also: since when output waits
  TimePoint last_busy_;                 // when a call last ended, or waiting output last left
  TimePoint last_ping_;                 // or when one was left out
  std::optional<TimePoint> ping_sent_;  // since when a ping is unanswered
  std::optional<TimePoint> peer_look_;
  TimePoint message_began_;              // time of its first byte, moved on by pauses
  std::optional<TimePoint> paused_;      // since when the rest of the message has no room
  std::optional<TimePoint> skip_until_;  // deadline for the end of an oversize message
  std::optional<TimePoint> overloaded_until_;
  std::optional<TimePoint> window_full_since_;
  TimePoint drain_began_;
  TimePoint linger_until_;
  TimePoint linger_progress_;           // when the undelivered bytes last became fewer
  std::size_t linger_undelivered_ = 0;  // at the last check
};

inline TimePoint ConnectionTimers::rest_deadline(const Limits& limits, bool has_calls, bool pings) const {
  const TimePoint due = has_calls ? TimePoint::max() : idle_deadline(limits, pings);
  return pings ? std::min(due, ping_deadline(limits, !has_calls)) : due;
}

// Neither side has sent anything, and no call was in flight. If the protocol has pings, the peer is closed
// only after one, and has half of the limit to answer.
inline TimePoint ConnectionTimers::idle_deadline(const Limits& limits, bool pings) const {
  const milliseconds patience = limits.idle_timeout;
  if (!pings) return std::max(idle_since(), last_output_) + patience;
  if (!ping_sent_) return TimePoint::max();
  return std::max(idle_since() + patience, *ping_sent_ + patience / 2);
}

}  // namespace sluice::core
