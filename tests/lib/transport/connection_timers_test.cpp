// Deadlines of a connection, on virtual time.
#include "lib/transport/connection_timers.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

using State = ConnectionTimers::State;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

TimePoint after(milliseconds time) { return kStart + time; }

struct Fixture {
  Fixture() {
    limits.idle_timeout = seconds(60);
    limits.message_timeout = seconds(30);
    limits.write_timeout = seconds(8);
    limits.ping_interval = seconds(25);
  }
  // How long after the start, and why.
  milliseconds due() const {
    return std::chrono::duration_cast<milliseconds>(timers.next_deadline(limits, state) - kStart);
  }
  CloseReason reason() const {
    return timers.expired_reason(timers.next_deadline(limits, state), limits, state);
  }
  bool never() const { return timers.next_deadline(limits, state) == TimePoint::max(); }

  Limits limits;
  State state;
  ConnectionTimers timers{kStart};
};

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: an idle connection is closed after the idle timeout") {
  CHECK(due() == seconds(60));
  CHECK(reason() == CloseReason::idle_timeout);
  CHECK(timers.rest_deadline(limits, false, false) == after(seconds(60)));
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: input, output and the end of a call each restart the idle time") {
  timers.on_input(after(seconds(1)));
  CHECK(due() == seconds(61));
  timers.on_output(after(seconds(2)));
  CHECK(due() == seconds(62));
  timers.on_busy(after(seconds(3)));
  CHECK(due() == seconds(63));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: a connection with calls is not idle") {
  state.has_calls = true;
  CHECK(never());
  CHECK(timers.rest_deadline(limits, true, false) == TimePoint::max());
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: output that makes no progress has the write timeout") {
  state.has_unsent = true;
  timers.on_output(after(seconds(1)));
  CHECK(due() == seconds(9));
  CHECK(reason() == CloseReason::write_timeout);
  timers.on_output(after(seconds(5)));
  CHECK(due() == seconds(13));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: a message must be complete within the message timeout") {
  timers.begin_message(after(seconds(2)));
  state.in_message = true;
  CHECK(due() == seconds(32));
  CHECK(reason() == CloseReason::message_timeout);
  // Another part does not prolong that.
  timers.on_input(after(seconds(20)));
  CHECK(due() == seconds(32));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: a message's time does not run during backpressure") {
  timers.begin_message(kStart);
  state.in_message = true;
  state.may_process = false;
  timers.pause_message(after(seconds(10)));
  CHECK(timers.paused());
  CHECK(timers.interrupted());
  CHECK(never());
  state.may_process = true;
  timers.resume_message(after(seconds(50)));
  CHECK_FALSE(timers.paused());
  CHECK(due() == seconds(70));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: a message that begins in a pause has its whole time after it") {
  state.in_message = true;
  timers.pause_message(after(seconds(10)));
  timers.begin_message(after(seconds(40)));
  timers.resume_message(after(seconds(50)));
  CHECK(due() == seconds(80));
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: the end of a message over the limit is looked for only so long") {
  state.in_message = true;
  timers.watch_skipping(true, after(seconds(1)));
  timers.watch_skipping(true, after(seconds(4)));
  CHECK(due() == seconds(6));
  CHECK(reason() == CloseReason::message_too_big);
  timers.pause_message(after(seconds(2)));
  timers.resume_message(after(seconds(4)));
  CHECK(due() == seconds(8));
  timers.watch_skipping(false, after(seconds(5)));
  CHECK_FALSE(timers.skipping());
  CHECK(reason() == CloseReason::message_timeout);
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: a handshake has ten seconds, or the message timeout if that is less") {
  state.securing = true;
  CHECK(due() == seconds(10));
  CHECK(reason() == CloseReason::tls_failed);
  state.awaits_proxy = true;
  CHECK(reason() == CloseReason::message_timeout);
  limits.message_timeout = seconds(3);
  CHECK(due() == seconds(3));
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: a silent peer is sent a ping, and closed where it does not answer") {
  state.pings = true;
  CHECK(due() == seconds(25));
  CHECK(timers.ping_due(after(seconds(25)), limits, state));
  timers.on_ping_due(after(seconds(25)), true);
  CHECK_FALSE(timers.ping_due(after(seconds(25)), limits, state));
  CHECK(due() == seconds(50));
  // The next one does not restart the time for the answer.
  timers.on_ping_due(after(seconds(50)), true);
  CHECK(due() == seconds(60));
  CHECK(reason() == CloseReason::idle_timeout);
  timers.on_input(after(seconds(55)));
  CHECK(due() == seconds(75));
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: a peer is not closed as idle before a ping has had half of the limit") {
  state.pings = true;
  limits.ping_interval = std::chrono::hours(1);
  CHECK(due() == seconds(30));
  timers.on_ping_due(after(seconds(50)), true);
  CHECK(due() == seconds(80));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: a ping that other output replaces waits for no answer") {
  state.pings = true;
  limits.idle_timeout = std::chrono::hours(1);
  timers.on_ping_due(after(seconds(25)), false);
  CHECK(due() == seconds(50));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: pings go on while calls run") {
  state.pings = state.has_calls = true;
  CHECK(due() == seconds(25));
  CHECK(timers.rest_deadline(limits, true, true) == after(seconds(25)));
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: a window that stays full is looked beyond, and its client looked for") {
  state.has_calls = true;
  state.may_process = false;
  timers.on_window_full(kStart);
  CHECK(due() == milliseconds(10));
  CHECK_FALSE(timers.look_ahead_due(after(milliseconds(9)), state));
  CHECK(timers.look_ahead_due(after(milliseconds(10)), state));
  state.looks_ahead = true;
  CHECK(due() == seconds(3));
  CHECK(timers.peer_look_due(after(seconds(3))));
  timers.on_peer_look();
  CHECK(never());
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: the earliest look for a client counts, and only while it has calls") {
  state.has_calls = true;
  timers.look_for_peer_by(after(seconds(2)));
  timers.look_for_peer_by(after(seconds(1)));
  timers.look_for_peer_by(after(seconds(3)));
  CHECK(due() == seconds(1));
  state.has_calls = false;
  CHECK(due() == seconds(60));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: a draining connection is closed once it has been quiet") {
  state.draining = true;
  timers.begin_drain(after(seconds(1)));
  CHECK(due() == milliseconds(1020));
  CHECK(reason() == CloseReason::draining);
  timers.on_input(after(milliseconds(1015)));
  CHECK(due() == milliseconds(1035));
  CHECK_FALSE(timers.quiet(after(milliseconds(1034))));
  CHECK(timers.quiet(after(milliseconds(1035))));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: a client that goes on sending is drained after a second") {
  state.draining = state.in_message = true;
  timers.begin_drain(after(seconds(1)));
  timers.begin_message(after(milliseconds(1010)));
  CHECK(due() == seconds(2));
  CHECK(reason() == CloseReason::draining);
  state.has_calls = true;
  CHECK(due() == milliseconds(31010));
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: a client that came while memory is short has two seconds to speak") {
  timers.begin_overloaded(kStart);
  CHECK(due() == seconds(2));
  CHECK(reason() == CloseReason::overloaded);
  state.takes_input = false;
  CHECK(due() == seconds(60));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: while it lingers, nothing else counts") {
  state.lingering = state.has_unsent = state.draining = true;
  state.takes_input = false;
  timers.begin_linger(after(seconds(1)), limits, 0);
  CHECK(due() == seconds(3));
  CHECK_FALSE(timers.linger_over(after(milliseconds(2999))));
  CHECK(timers.linger_over(after(seconds(3))));
}

TEST_CASE_FIXTURE(Fixture,
                  "ConnectionTimers: a linger goes on while the client reads, and as long as it may pause") {
  state.lingering = true;
  timers.begin_linger(kStart, limits, 100);
  CHECK(due() == seconds(2));
  timers.prolong_linger(after(seconds(2)), limits, 60);
  CHECK(due() == seconds(4));
  // No progress since 2 s, which ends it at 10 s.
  for (const int second : {4, 6, 8}) timers.prolong_linger(after(seconds(second)), limits, 60);
  CHECK(due() == seconds(10));
  timers.prolong_linger(after(seconds(10)), limits, 60);
  CHECK(due() == seconds(10));
}

TEST_CASE_FIXTURE(Fixture, "ConnectionTimers: once all is with the client, a linger has its last time") {
  state.lingering = true;
  timers.begin_linger(kStart, limits, 100);
  timers.prolong_linger(after(seconds(2)), limits, 0);
  CHECK(due() == seconds(4));
  timers.prolong_linger(after(seconds(4)), limits, 0);
  CHECK(due() == seconds(4));
}

}  // namespace
}  // namespace sluice::core
