#include "lib/transport/close_sequence.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace sluice::core {
namespace {

using State = CloseSequence::State;

constexpr std::array kStates = {State::open,      State::input_ended, State::protocol_close_sent,
                                State::lingering, State::closing,     State::closed};

TEST_CASE("CloseSequence: no state comes back, and only the table's follow") {
  const std::vector<std::pair<State, State>> allowed = {
      {State::open, State::input_ended},
      {State::open, State::closing},
      {State::open, State::closed},
      {State::input_ended, State::protocol_close_sent},
      {State::input_ended, State::lingering},
      {State::input_ended, State::closing},
      {State::input_ended, State::closed},
      {State::protocol_close_sent, State::lingering},
      {State::protocol_close_sent, State::closing},
      {State::protocol_close_sent, State::closed},
      {State::lingering, State::closing},
      {State::lingering, State::closed},
      {State::closing, State::closed},
  };
  for (const State from : kStates) {
    for (const State to : kStates) {
      CAPTURE(static_cast<int>(from));
      CAPTURE(static_cast<int>(to));
      const bool expected = std::ranges::find(allowed, std::pair(from, to)) != allowed.end();
      CHECK(CloseSequence::may_follow(from, to) == expected);
    }
  }
}

TEST_CASE("CloseSequence: a graceful close goes through all states") {
  CloseSequence sequence;
  CHECK(sequence.takes_input());
  CHECK(sequence.untouched());
  sequence.end_input(CloseReason::draining);
  CHECK_FALSE(sequence.takes_input());
  CHECK(sequence.finishing());
  sequence.on_protocol_close_sent();
  CHECK(sequence.finishing());
  sequence.linger();
  CHECK(sequence.lingering());
  CHECK_FALSE(sequence.finishing());
  CHECK_FALSE(sequence.closing());
  CHECK(sequence.close());
  CHECK(sequence.closed());
  CHECK(sequence.closing());
  CHECK(sequence.reason() == CloseReason::draining);
}

TEST_CASE("CloseSequence: input ends once, with the last reason given for it") {
  CloseSequence sequence;
  sequence.end_input();
  CHECK(sequence.reason() == CloseReason::finished);
  sequence.end_input(CloseReason::framing_lost);
  CHECK(sequence.reason() == CloseReason::framing_lost);
  sequence.on_protocol_close_sent();
  sequence.end_input(CloseReason::draining);
  CHECK(sequence.state() == State::protocol_close_sent);
  CHECK(sequence.reason() == CloseReason::draining);
}

TEST_CASE("CloseSequence: a close is scheduled once, with the first reason given for it") {
  CloseSequence sequence;
  CHECK(sequence.schedule_close(CloseReason::output_full));
  CHECK_FALSE(sequence.schedule_close(CloseReason::stopped));
  CHECK(sequence.reason() == CloseReason::output_full);
  CHECK(sequence.closing());
  CHECK_FALSE(sequence.closed());
  CHECK_FALSE(sequence.takes_input());
  CHECK(sequence.close());
  CHECK_FALSE(sequence.close());
  CHECK_FALSE(sequence.schedule_close(CloseReason::stopped));
}

TEST_CASE("CloseSequence: a drain, the peer's end and its loss each leave the state as it is") {
  CloseSequence drained;
  drained.begin_drain();
  CHECK(drained.draining());
  CHECK(drained.takes_input());
  CHECK_FALSE(drained.untouched());
  CloseSequence ended;
  ended.on_end_reported();
  CHECK(ended.end_known());
  CHECK_FALSE(ended.end_read());
  CHECK(ended.takes_input());
  CHECK_FALSE(ended.untouched());
  CloseSequence gone;
  gone.on_peer_gone(true);
  CHECK(gone.peer_gone());
  CHECK(gone.takes_input());
  CHECK_FALSE(gone.untouched());
}

TEST_CASE("CloseSequence: an end that was read is not merely reported any more") {
  CloseSequence sequence;
  sequence.on_end_read();
  sequence.on_end_reported();
  CHECK(sequence.end_read());
  CHECK(sequence.end_known());
}

TEST_CASE("CloseSequence: a peer that is gone has finished only where its end was read and nothing was due") {
  for (const bool end_read : {false, true}) {
    for (const bool idle : {false, true}) {
      CloseSequence sequence;
      if (end_read) sequence.on_end_read();
      sequence.on_peer_gone(idle);
      CAPTURE(end_read);
      CAPTURE(idle);
      const auto expected = end_read && idle ? CloseReason::finished : CloseReason::reset;
      CHECK(sequence.peer_gone_reason() == expected);
    }
  }
}

TEST_CASE("CloseSequence: a peer that goes while the connection lingers does not change the reason") {
  CloseSequence sequence;
  sequence.end_input(CloseReason::message_timeout);
  sequence.linger();
  sequence.on_peer_gone(false);
  CHECK(sequence.peer_gone_reason() == CloseReason::message_timeout);
}

}  // namespace
}  // namespace sluice::core
