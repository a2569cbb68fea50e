#include "lib/backend/child/writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <new>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "tests/lib/loop/virtual_loop.hpp"

namespace sluice::core {
namespace {

struct Recorded final : ChildWriter::Callbacks {
  void on_writable() override { ++writable; }
  void on_input_lost() override { ++lost; }
  void on_stalled() override { ++stalled; }
  int writable = 0;
  int lost = 0;
  int stalled = 0;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    child = Descriptor(ends[0]);
    input = Descriptor(ends[1]);
  }
  Descriptor child;
  Descriptor input;
};

// A writer, and the end of its pipe that a child has.
struct Fixture {
  void add(const std::string& text, Dialect dialect = Dialect::jsonrpc) {
    writer.add(dialect, [&](std::string& out) { out += text; });
  }
  void pass(milliseconds time) {
    virtual_loop.pass(time);
    serve();
  }
  // The pipe's events are handled in an event of the loop, which knows the time.
  void serve() {
    virtual_loop.serve();
    virtual_loop.loop.post([this] { virtual_loop.loop.poller().dispatch(); });
    virtual_loop.serve();
  }
  // What the child reads now, `bytes_max` bytes at most.
  std::string read(std::size_t bytes_max = 1024 * 1024) {
    std::string text;
    std::array<char, 4096> space{};
    while (text.size() < bytes_max) {
      const ssize_t got =
          ::read(pipe.child.get(), space.data(), std::min(space.size(), bytes_max - text.size()));
      if (got <= 0) break;
      text.append(space.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

  testing::VirtualLoop virtual_loop;
  Limits limits{.call_timeout = seconds(30)};
  Pipe pipe;
  Recorded recorded;
  ChildWriter writer{virtual_loop.loop, std::move(pipe.input), limits, recorded};
};

TEST_CASE("ChildWriter: messages of an iteration go out together at its end, each as a line") {
  Fixture fixture;
  fixture.add("{\"a\":1}");
  fixture.add("{\"b\":2}");
  CHECK(fixture.read().empty());
  fixture.serve();
  CHECK(fixture.read() == "{\"a\":1}\n{\"b\":2}\n");
}

TEST_CASE("ChildWriter: in the dialect lsp each message has a header") {
  Fixture fixture;
  fixture.add("{\"a\":1}", Dialect::lsp);
  fixture.add("{}", Dialect::lsp);
  fixture.writer.flush();
  CHECK(fixture.read() == "Content-Length: 7\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n{}");
}

TEST_CASE("ChildWriter: a message that memory does not suffice for leaves no part behind") {
  Fixture fixture;
  fixture.add("{\"a\":1}");
  const auto fail = [](std::string& out) {
    out += "{\"half\":";
    throw std::bad_alloc();
  };
  CHECK_THROWS_AS(fixture.writer.add(Dialect::jsonrpc, fail), std::bad_alloc);
  fixture.writer.flush();
  CHECK(fixture.read() == "{\"a\":1}\n");
}

TEST_CASE("ChildWriter: it takes no calls while too much is unsent, and reports once it does again") {
  Fixture fixture;
  fixture.add(std::string(2 * ChildWriter::kUnsentBytesMax, 'x'));
  CHECK_FALSE(fixture.writer.takes_calls());
  fixture.serve();
  CHECK(fixture.recorded.writable == 0);
  std::size_t rounds = 0;
  while (!fixture.writer.takes_calls() && ++rounds < 1000) {
    fixture.read();
    fixture.serve();
  }
  CHECK(fixture.writer.takes_calls());
  CHECK(fixture.recorded.writable == 1);
  CHECK(fixture.recorded.stalled == 0);
}

TEST_CASE("ChildWriter: a child that reads nothing for as long as a call may take has stalled") {
  Fixture fixture;
  fixture.add(std::string(2 * ChildWriter::kUnsentBytesMax, 'x'));
  fixture.serve();
  fixture.pass(seconds(29));
  CHECK(fixture.recorded.stalled == 0);
  fixture.pass(seconds(2));
  CHECK(fixture.recorded.stalled == 1);
}

TEST_CASE("ChildWriter: a child that reads a little has not stalled") {
  Fixture fixture;
  fixture.add(std::string(4 * ChildWriter::kUnsentBytesMax, 'x'));
  fixture.serve();
  for (int i = 0; i < 4; ++i) {
    fixture.pass(seconds(20));
    REQUIRE_FALSE(fixture.read(64 * 1024).empty());
    fixture.serve();
  }
  CHECK_FALSE(fixture.writer.takes_calls());
  CHECK(fixture.recorded.stalled == 0);
}

TEST_CASE("ChildWriter: a child that has closed its stdin is reported once, and the writer is closed") {
  std::signal(SIGPIPE, SIG_IGN);  // as the daemon does
  Fixture fixture;
  fixture.pipe.child = Descriptor();
  fixture.add("{}");
  fixture.serve();
  CHECK(fixture.recorded.lost == 1);
  CHECK(fixture.writer.closed());
  CHECK_FALSE(fixture.writer.takes_calls());
}

TEST_CASE("ChildWriter: once it is closed it is known how much the process has read") {
  Fixture fixture;
  fixture.add("{\"a\":1}");
  fixture.writer.flush();
  CHECK(fixture.read() == "{\"a\":1}\n");
  const std::uint64_t second = fixture.writer.position();
  CHECK(second == 8);
  fixture.add("{\"b\":2}");
  fixture.writer.flush();
  fixture.writer.close();
  CHECK(fixture.writer.read_bytes() == second);
  CHECK(fixture.recorded.lost == 0);
}

}  // namespace
}  // namespace sluice::core
