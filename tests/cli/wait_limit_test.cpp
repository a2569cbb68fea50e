#include "cli/wait_limit.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>

#include "cli/interrupt.hpp"
#include "lib/base/descriptor.hpp"

namespace sluice::client {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends;
    REQUIRE(::pipe(ends.data()) == 0);
    reader = core::Descriptor(ends[0]);
    writer = core::Descriptor(ends[1]);
  }
  void fill() const { REQUIRE(::write(writer.get(), "x", 1) == 1); }

  core::Descriptor reader, writer;
};

}  // namespace

TEST_CASE("wait_for: an event ends the wait, also beside an interrupt") {
  const Pipe data, stop;
  const Interrupt interrupt(stop.reader.get(), -1);
  data.fill();
  stop.fill();
  CHECK(wait_for(data.reader.get(), POLLIN, {TimePoint::max(), interrupt}));
}

TEST_CASE("wait_for: a deadline that has passed ends the wait") {
  const Pipe data;
  CHECK_FALSE(wait_for(data.reader.get(), POLLIN, TimePoint()));
  data.fill();
  CHECK(wait_for(data.reader.get(), POLLIN, TimePoint()));
}

TEST_CASE("wait_for: a stop ends the wait and stays") {
  const Pipe data, stop;
  const Interrupt interrupt(stop.reader.get(), -1);
  CHECK_FALSE(interrupt.is_stopped());
  stop.fill();
  CHECK_FALSE(wait_for(data.reader.get(), POLLIN, {TimePoint::max(), interrupt}));
  CHECK(interrupt.is_stopped());
  CHECK_FALSE(interrupt.output_closed());
  pause(TimePoint::max(), interrupt);
}

TEST_CASE("wait_for: a reader of the output that is gone ends the wait") {
  const Pipe data;
  Pipe output;
  const Interrupt interrupt(-1, output.writer.get());
  CHECK_FALSE(interrupt.output_closed());
  output.reader = core::Descriptor();
  CHECK_FALSE(wait_for(data.reader.get(), POLLIN, {TimePoint::max(), interrupt}));
  CHECK(interrupt.output_closed());
  CHECK_FALSE(interrupt.is_stopped());
}

}  // namespace sluice::client
