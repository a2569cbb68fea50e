#include "lib/backend/reply_reader.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/message_scanner.hpp"

namespace sluice::core {
namespace {

constexpr ReplyReader::Texts kTexts = {
    .not_a_reply = "not a reply", .own_call = "a call of its own", .unknown_id = "unknown id"};

// Notes what becomes of the calls in `waiting`; each id up to `given_max` was given to one.
struct Recorded final : ReplyReader::Callbacks {
  bool end(std::uint32_t id, const std::string& how) {
    if (waiting.erase(id) == 0) return false;
    events.push_back(std::to_string(id) + ": " + how);
    return true;
  }
  bool on_reply(std::uint32_t id, const proto::Reply& reply) override {
    return end(id, std::string(reply.error.empty() ? reply.result : "error"));
  }
  void on_unnamed_error(std::uint32_t id, const proto::Reply&) override { end(id, "unnamed error"); }
  bool on_bad_reply(std::uint32_t id) override { return end(id, "bad reply"); }
  void on_hello(std::string_view, std::string_view params, Dialect) override {
    events.push_back("hello " + std::string(params));
  }
  void reject(std::string_view, const char* why) override { events.push_back(why); }
  std::optional<std::uint32_t> only_call() const override {
    return waiting.size() == 1 ? std::optional(*waiting.begin()) : std::nullopt;
  }
  bool given(std::uint32_t id) const override { return id <= given_max; }
  bool take_late(std::uint32_t id) override { return late.erase(id) != 0; }

  std::set<std::uint32_t> waiting{1, 2};
  std::set<std::uint32_t> late;
  std::uint32_t given_max = 9;
  std::vector<std::string> events;
};

struct Fixture {
  explicit Fixture(Dialect configured = Dialect::automatic) : reader(configured, kTexts, recorded) {}
  // Scans and reads the text. Whether a call is over by it.
  bool take(std::string_view text) {
    proto::MessageScanner scanner;
    if (scanner.scan(text) == proto::MessageScanner::Status::complete) {
      return reader.take_message(text, scanner.message());
    }
    return reader.take_broken(text, scanner.message());
  }
  std::vector<std::string> events() { return std::exchange(recorded.events, {}); }
  Recorded recorded;
  ReplyReader reader;
};

using Events = std::vector<std::string>;

TEST_CASE("ReplyReader: a reply ends the call that it names") {
  Fixture fixture;
  CHECK(fixture.take(R"({"jsonrpc":"2.0","id":2,"result":7})"));
  CHECK(fixture.take(R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}})"));
  CHECK(fixture.events() == Events{"2: 7", "1: error"});
}

TEST_CASE("ReplyReader: a reply to nothing is rejected, but for a late one") {
  Fixture fixture;
  fixture.recorded.late = {3};
  CHECK_FALSE(fixture.take(R"({"jsonrpc":"2.0","id":3,"result":7})"));
  CHECK(fixture.events().empty());
  CHECK_FALSE(fixture.take(R"({"jsonrpc":"2.0","id":3,"result":7})"));
  CHECK(fixture.events() == Events{"unknown id"});
}

TEST_CASE("ReplyReader: an error without an id is for the only call, if there is just one") {
  constexpr const char* kError = R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}})";
  Fixture fixture;
  CHECK_FALSE(fixture.take(kError));
  CHECK(fixture.events() == Events{"not a reply"});
  fixture.recorded.waiting = {5};
  CHECK(fixture.take(kError));
  CHECK(fixture.events() == Events{"5: unnamed error"});
}

TEST_CASE("ReplyReader: an error with an id that was never given is one without an id") {
  Fixture fixture;
  fixture.recorded.waiting = {5};
  CHECK(fixture.take(R"({"jsonrpc":"2.0","id":77,"error":{"code":1,"message":"no"}})"));
  CHECK(fixture.events() == Events{"5: unnamed error"});
}

TEST_CASE("ReplyReader: an invalid reply ends the call that it names, or the only one") {
  Fixture fixture;
  CHECK(fixture.take(R"({"jsonrpc":"2.0","id":2})"));
  CHECK(fixture.events() == Events{"not a reply", "2: bad reply"});
  CHECK(fixture.take(R"({"jsonrpc":"2.0","result":1,"error":2})"));
  CHECK(fixture.events() == Events{"not a reply", "1: bad reply"});
}

TEST_CASE("ReplyReader: a call of the backend's own, or a line of a log, ends no call") {
  Fixture fixture;
  fixture.recorded.waiting = {5};
  CHECK_FALSE(fixture.take(R"({"jsonrpc":"2.0","method":"window/logMessage"})"));
  CHECK(fixture.events() == Events{"a call of its own"});
  CHECK_FALSE(fixture.take(R"({"level":"info","id":5})"));
  CHECK_FALSE(fixture.take(R"({"jsonrpc":"2.0","id":"x"})"));
  CHECK(fixture.events() == Events{"not a reply", "not a reply"});
}

TEST_CASE("ReplyReader: a batch of invalid replies ends each call that it names, and no other") {
  Fixture fixture;
  CHECK(fixture.take(R"([{"jsonrpc":"2.0","id":1},{"jsonrpc":"2.0"}])"));
  CHECK(fixture.events() == Events{"not a reply", "1: bad reply"});
  CHECK(fixture.recorded.waiting == std::set<std::uint32_t>{2});
}

TEST_CASE("ReplyReader: broken text ends the call that it names, also behind colours of a terminal") {
  Fixture fixture;
  CHECK(fixture.take(R"({"jsonrpc":"2.0","id":2,"result":)"));
  CHECK(fixture.take("\x1B[31m{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":"));
  CHECK(fixture.events() == Events{"2: bad reply", "1: bad reply"});
}

TEST_CASE("ReplyReader: the first message may announce the dialect, and no later one") {
  constexpr const char* kHello = R"({"jsonrpc":"2.0","method":"rpc.hello","params":{"dialect":"sluice"}})";
  Fixture fixture;
  CHECK(fixture.reader.dialect() == Dialect::jsonrpc);
  CHECK_FALSE(fixture.take(kHello));
  CHECK(fixture.reader.dialect() == Dialect::sluice);
  CHECK(fixture.events() == Events{R"(hello {"dialect":"sluice"})"});
  CHECK_FALSE(fixture.take(kHello));
  CHECK(fixture.events() == Events{"a call of its own"});

  Fixture late;
  late.reader.end_hello();
  CHECK_FALSE(late.take(kHello));
  CHECK(late.reader.dialect() == Dialect::jsonrpc);
}

TEST_CASE("ReplyReader: an announcement does not change a configured dialect") {
  Fixture fixture(Dialect::lsp);
  fixture.take(R"({"jsonrpc":"2.0","method":"rpc.hello","params":{"dialect":"sluice"}})");
  CHECK(fixture.reader.dialect() == Dialect::lsp);
}

}  // namespace
}  // namespace sluice::core
