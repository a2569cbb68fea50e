#include "lib/backend/child/output.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {
namespace {

using Events = std::vector<std::string>;

// Notes what a child's text does to the calls in `waiting`.
struct Recorded final : ChildOutput::Callbacks {
  bool end(std::uint32_t id, const std::string& how) {
    if (waiting.erase(id) == 0) return false;
    events.push_back(std::to_string(id) + ": " + how);
    return true;
  }
  bool on_reply(std::uint32_t id, const proto::Reply& reply) override {
    return end(id, std::string(reply.result));
  }
  void on_unnamed_error(std::uint32_t id, const proto::Reply&) override { end(id, "unnamed error"); }
  bool on_bad_reply(std::uint32_t id) override { return end(id, "bad reply"); }
  void on_oversize_reply(std::uint32_t id) override { end(id, "oversize reply"); }
  void on_hello(std::string_view, std::string_view, Dialect) override { events.push_back("hello"); }
  void reject(std::string_view text, const char* why) override {
    events.push_back(why);
    rejected = text;
  }
  std::optional<std::uint32_t> only_call() const override {
    return waiting.size() == 1 ? std::optional(*waiting.begin()) : std::nullopt;
  }
  bool given(std::uint32_t) const override { return true; }
  bool take_late(std::uint32_t) override { return false; }
  void count_invalid_input(std::size_t bytes) override { invalid_bytes += bytes; }
  void on_unreadable(ChildOutput::Unreadable why) override {
    events.push_back(why == ChildOutput::Unreadable::endless_line ? "endless line" : "no message");
  }

  std::set<std::uint32_t> waiting{1, 2};
  Events events;
  std::string rejected;
  std::size_t invalid_bytes = 0;
};

struct Fixture {
  explicit Fixture(Dialect configured = Dialect::jsonrpc) : output(configured, recorded) {}
  void take(std::string_view bytes) { output.take(bytes, kResponseBytesMax); }
  Events events() { return std::exchange(recorded.events, {}); }

  static constexpr std::size_t kResponseBytesMax = 1024;
  static constexpr std::size_t kLineBytesMax = kResponseBytesMax + 64 * 1024;
  Recorded recorded;
  ChildOutput output;
};

std::string framed(const std::string& text) {
  return "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

TEST_CASE("ChildOutput: replies are lines, however the bytes are cut") {
  const std::string text =
      "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":7}\r\n\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":8}\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Fixture fixture;
    for (std::size_t at = 0; at < text.size(); at += size)
      fixture.take(std::string_view(text).substr(at, size));
    CHECK(fixture.events() == Events{"2: 7", "1: 8"});
    CHECK(fixture.recorded.invalid_bytes > 0);  // the empty line
  }
}

TEST_CASE("ChildOutput: a byte order mark and blanks in front of a reply mean nothing") {
  Fixture fixture;
  fixture.take(" \xEF\xBB\xBF\t{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":7}\n");
  CHECK(fixture.events() == Events{"2: 7"});
}

TEST_CASE("ChildOutput: a line that is not a message is rejected, and ends the call that it names") {
  Fixture fixture;
  fixture.take("a line for the log\n");
  CHECK(fixture.events() == Events{"not a message on stdout"});
  fixture.take("\x1B[1m{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\n");
  CHECK(fixture.events() == Events{"not a message on stdout", "2: bad reply"});
  CHECK(fixture.recorded.rejected == "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":");
}

TEST_CASE("ChildOutput: a header where lines are expected is named as one") {
  Fixture fixture;
  fixture.take("Content-Length: 3\n");
  CHECK(fixture.events() ==
        Events{"not a message on stdout, but a header; dialect = \"lsp\" expects headers"});
}

TEST_CASE("ChildOutput: after a line that is not a message none is an announcement") {
  constexpr const char* kHello =
      "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.hello\",\"params\":{\"dialect\":\"sluice\"}}\n";
  Fixture first(Dialect::automatic);
  first.take(kHello);
  CHECK(first.events() == Events{"hello"});
  CHECK(first.output.dialect() == Dialect::sluice);
  Fixture later(Dialect::automatic);
  later.take(std::string("starting\n") + kHello);
  CHECK(later.output.dialect() == Dialect::jsonrpc);
}

TEST_CASE("ChildOutput: an oversize reply ends the call that its beginning names, and the next line counts") {
  Fixture fixture;
  const std::string filler(Fixture::kLineBytesMax, 'x');
  fixture.take("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"" + filler + "\"}\n");
  CHECK(fixture.events() == Events{"a line over the size limit on stdout", "2: oversize reply"});
  fixture.take("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":8}\n");
  CHECK(fixture.events() == Events{"1: 8"});
}

TEST_CASE("ChildOutput: an oversize reply with its id at the end is found when its end has come") {
  Fixture fixture;
  const std::string filler(Fixture::kLineBytesMax, 'x');
  fixture.take("{\"jsonrpc\":\"2.0\",\"result\":\"" + filler);
  CHECK(fixture.events() == Events{"a line over the size limit on stdout"});
  fixture.take("\",\"id\":2}\n");
  CHECK(fixture.events() == Events{"2: oversize reply"});
}

TEST_CASE("ChildOutput: a line that never ends can't be read") {
  Fixture fixture;
  const std::string piece(Fixture::kResponseBytesMax, 'x');
  std::size_t pieces = 0;
  const std::size_t pieces_max = Fixture::kLineBytesMax / piece.size() + proto::kOversizeSkipFactor + 8;
  while (pieces < pieces_max &&
         (fixture.recorded.events.empty() || fixture.recorded.events.back() != "endless line")) {
    fixture.take(piece);
    ++pieces;
  }
  CHECK(pieces < pieces_max);
  CHECK(fixture.events() == Events{"a line over the size limit on stdout", "endless line"});
}

TEST_CASE("ChildOutput: half a line at the end is rejected") {
  Fixture fixture;
  fixture.take("{\"jsonrpc\":");
  fixture.output.finish();
  CHECK(fixture.events() == Events{"half a line at its end"});
  Fixture whole;
  whole.take("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":7}\n");
  whole.output.finish();
  CHECK(whole.events() == Events{"2: 7"});
}

TEST_CASE("ChildOutput: in the dialect lsp replies have headers, however the bytes are cut") {
  const std::string text =
      framed(R"({"jsonrpc":"2.0","id":2,"result":7})") + framed(R"({"jsonrpc":"2.0","id":1,"result":8})");
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Fixture fixture(Dialect::lsp);
    for (std::size_t at = 0; at < text.size(); at += size)
      fixture.take(std::string_view(text).substr(at, size));
    CHECK(fixture.events() == Events{"2: 7", "1: 8"});
  }
}

TEST_CASE("ChildOutput: in the dialect lsp a broken message ends the only call") {
  Fixture fixture(Dialect::lsp);
  fixture.take(framed("{\"id\":"));
  CHECK(fixture.events() == Events{"not a message on stdout"});
  fixture.recorded.waiting = {2};
  fixture.take(framed("{\"id\":"));
  CHECK(fixture.events() == Events{"not a message on stdout", "2: bad reply"});
}

}  // namespace
}  // namespace sluice::core
