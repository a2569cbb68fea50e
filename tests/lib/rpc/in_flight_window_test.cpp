#include "lib/rpc/in_flight_window.hpp"

#include <doctest/doctest.h>

#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

struct Fixture {
  Fixture() {
    limits.connection_window = 3;
    limits.message_bytes_max = 100;
  }

  Limits limits;
  testing::TestSink sink;
  InFlightWindow window{limits, sink};
};

constexpr std::size_t kBytesMax = InFlightWindow::kMessagesMax * 100;

TEST_CASE("InFlightWindow: is full with as many calls, entries and batches as are allowed") {
  Fixture fixture;
  InFlightWindow& window = fixture.window;
  window.add_call(1);
  window.add_batch(1);
  CHECK_FALSE(window.full());
  window.add_entry();
  CHECK(window.full());
  CHECK(window.begun() == 3);
  window.remove_call(1);
  CHECK_FALSE(window.full());
  CHECK(window.begun() == 2);
}

TEST_CASE("InFlightWindow: follows a limit that is changed") {
  Fixture fixture;
  fixture.window.add_call(1);
  fixture.limits.connection_window = 1;
  CHECK(fixture.window.full());
}

TEST_CASE("InFlightWindow: is full with more bytes than two of the largest messages") {
  Fixture fixture;
  InFlightWindow& window = fixture.window;
  window.add_call(kBytesMax);
  CHECK_FALSE(window.full());
  window.add_call(1);
  CHECK(window.full());
  CHECK(window.bytes() == kBytesMax + 1);
  window.remove_call(kBytesMax);
  CHECK_FALSE(window.full());
  CHECK(window.bytes() == 1);
}

TEST_CASE("InFlightWindow: replies that a batch holds count until the batch ends") {
  Fixture fixture;
  InFlightWindow& window = fixture.window;
  window.add_batch(10);
  window.add_reply(kBytesMax);
  CHECK(window.full());
  window.remove_batch(10 + kBytesMax);
  CHECK_FALSE(window.full());
  CHECK(window.bytes() == 0);
}

TEST_CASE("InFlightWindow: an entry's end and a resumed batch notify the sink, a call's end does not") {
  Fixture fixture;
  InFlightWindow& window = fixture.window;
  window.add_call(1);
  window.add_batch(1);
  window.add_entry();
  window.remove_call(1);
  CHECK(fixture.sink.windows_opened == 0);
  window.remove_entry();
  CHECK(fixture.sink.windows_opened == 1);
  window.postpone_batch();
  window.resume_batch();
  CHECK(fixture.sink.windows_opened == 2);
}

TEST_CASE("InFlightWindow: is full while a batch is postponed") {
  Fixture fixture;
  fixture.window.add_batch(1);
  fixture.window.postpone_batch();
  CHECK(fixture.window.full());
  fixture.window.resume_batch();
  CHECK_FALSE(fixture.window.full());
}

TEST_CASE("InFlightWindow: a held batch never makes it full, and counts from its begin on") {
  Fixture fixture;
  InFlightWindow& window = fixture.window;
  fixture.limits.connection_window = 1;
  window.add_batch(kBytesMax + 1);
  window.hold_batch(kBytesMax + 1);
  CHECK(window.begun() == 0);
  CHECK_FALSE(window.full());
  CHECK(window.bytes() == kBytesMax + 1);
  window.begin_held_batch(kBytesMax + 1);
  CHECK(window.begun() == 1);
  CHECK(window.full());
}

TEST_CASE("InFlightWindow: bytes of held batches leave room for calls in flight") {
  Fixture fixture;
  InFlightWindow& window = fixture.window;
  window.add_batch(kBytesMax);
  window.hold_batch(kBytesMax);
  window.add_call(1);
  CHECK_FALSE(window.full());
  window.begin_held_batches();
  CHECK(window.full());
  CHECK(window.begun() == 2);
}

TEST_CASE("InFlightWindow: is empty once the client is gone") {
  Fixture fixture;
  InFlightWindow& window = fixture.window;
  window.add_call(1);
  window.add_batch(1);
  window.postpone_batch();
  window.hold_batch(1);
  window.clear();
  CHECK_FALSE(window.full());
  CHECK(window.begun() == 0);
  CHECK(window.bytes() == 0);
}

}  // namespace
}  // namespace sluice::core
