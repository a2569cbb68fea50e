// Close sequence of a connection: from the first sign of its end to the closed socket.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/observe/metrics.hpp"

namespace sluice::core {

// An orderly end: no more input, responses to calls in flight, the protocol's close, a linger. States follow
// each other only as kNext allows; each may be left out. The peer's state is kept separately, since it may
// end its side, or be gone, in any state. I/O thread only.
class CloseSequence {
 public:
  enum class State : std::uint8_t {
    open,
    input_ended,          // no new messages; calls in flight are answered
    protocol_close_sent,  // and the peer's own close is expected
    lingering,            // everything is sent; waits for the peer's end
    closing,              // will be closed at the end of the iteration
    closed,
  };
  // State of the peer.
  enum class PeerInput : std::uint8_t {
    open,
    end_reported,  // reported by the poller: there may be unread bytes before the end
    end_read,
  };

  static constexpr bool may_follow(State from, State to) {
    return kNext[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
  }

  State state() const { return state_; }
  bool takes_input() const { return state_ == State::open; }
  // No new messages are accepted, and the connection goes on until it is idle.
  bool finishing() const { return state_ == State::input_ended || state_ == State::protocol_close_sent; }
  bool protocol_close_sent() const { return state_ == State::protocol_close_sent; }
  bool lingering() const { return state_ == State::lingering; }
  bool closing() const { return state_ >= State::closing; }
  bool closed() const { return state_ == State::closed; }
  // Why it ends, if known.
  CloseReason reason() const { return reason_; }
  void set_reason(CloseReason reason) { reason_ = reason; }

  // The last reason counts, even after schedule_close(): a drain sets its own.
  void end_input(CloseReason reason) {
    reason_ = reason;
    end_input();
  }
  void end_input() {
    if (state_ == State::open) enter(State::input_ended);
  }
  void on_protocol_close_sent() { enter(State::protocol_close_sent); }
  void linger() { enter(State::lingering); }
  // False if a close is already scheduled; then the reason stays.
  bool schedule_close(CloseReason reason) {
    if (closing()) return false;
    reason_ = reason;
    enter(State::closing);
    return true;
  }
  // False if it was closed before.
  bool close() {
    if (closed()) return false;
    enter(State::closed);
    return true;
  }

  // New calls are refused, and the connection ends once it is idle. Independent of the state.
  bool draining() const { return draining_; }
  void begin_drain() { draining_ = true; }

  bool end_known() const { return peer_input_ != PeerInput::open; }
  bool end_read() const { return peer_input_ == PeerInput::end_read; }
  void on_end_reported() {
    if (!end_known()) peer_input_ = PeerInput::end_reported;
  }
  void on_end_read() { peer_input_ = PeerInput::end_read; }

  // No response can reach the peer any more. `idle`: no response is due.
  void on_peer_gone(bool idle);
  bool peer_gone() const { return peer_gone_.has_value(); }
  // The close reason for a gone peer.
  CloseReason peer_gone_reason() const { return *peer_gone_; }

  // Whether nothing has changed since the beginning.
  bool untouched() const {
    return !((state_ != State::open) | end_known() | draining_ | peer_gone_.has_value());
  }

 private:
  static constexpr std::size_t kStates = 6;
  // For each state, whether each of the states, in their order, may follow.
  static constexpr std::array<std::array<bool, kStates>, kStates> kNext = {{
      {0, 1, 0, 0, 1, 1},  // open
      {0, 0, 1, 1, 1, 1},  // input_ended
      {0, 0, 0, 1, 1, 1},  // protocol_close_sent
      {0, 0, 0, 0, 1, 1},  // lingering
      {0, 0, 0, 0, 0, 1},  // closing
      {0, 0, 0, 0, 0, 0},  // closed
  }};
  void enter(State next) {
    assert(may_follow(state_, next));
    state_ = next;
  }

  State state_ = State::open;
  PeerInput peer_input_ = PeerInput::open;
  CloseReason reason_ = CloseReason::finished;
  std::optional<CloseReason> peer_gone_;
  bool draining_ = false;
};

inline void CloseSequence::on_peer_gone(bool idle) {
  peer_gone_ = lingering() ? reason_ : end_read() && idle ? CloseReason::finished : CloseReason::reset;
}

}  // namespace sluice::core
