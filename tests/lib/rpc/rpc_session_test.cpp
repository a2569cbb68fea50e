#include "lib/rpc/rpc_session.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

using testing::echo_spec;

Limits small_window() {
  Limits limits;
  limits.connection_window = 2;
  return limits;
}

struct Fixture {
  Fixture() {
    parts.registry.add(echo_spec("pooled", HandlerKind::blocking));
    parts.registry.add(echo_spec("quick", HandlerKind::inline_io));
  }
  ~Fixture() { session.disconnected(); }

  void receive(std::string text, std::uint64_t exchange = 0) {
    const auto& scanned = messages.scan(std::move(text));
    session.receive(scanned.text, scanned.message(), exchange);
  }
  void call(int id, const std::string& method = "pooled", const std::string& params = "[1]") {
    receive(text_of(id, method, params), static_cast<std::uint64_t>(id));
  }
  static std::string text_of(int id, const std::string& method = "pooled",
                             const std::string& params = "[1]") {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method + R"(","params":)" +
           params + "}";
  }

  testing::ScannedMessages messages;
  testing::SessionParts parts{small_window()};
  testing::TestSink sink;
  RpcSession session{parts.calls, parts.orphans, sink};
};

constexpr std::int64_t kCancelled = static_cast<std::int64_t>(proto::ErrorCode::cancelled);

TEST_CASE("RpcSession: the window is full with its calls in flight, and has room once one is answered") {
  Fixture fixture;
  fixture.call(1);
  CHECK_FALSE(fixture.session.window_full());
  fixture.call(2);
  CHECK(fixture.session.window_full());
  CHECK(fixture.session.in_flight() == 2);
  fixture.call(3, "rpc.cancel", "[1]");
  CHECK_FALSE(fixture.session.window_full());
  CHECK(fixture.session.in_flight() == 1);
}

TEST_CASE("RpcSession: an inline call is answered at once, under its exchange") {
  Fixture fixture;
  fixture.call(7, "quick");
  REQUIRE(fixture.sink.replies.size() == 1);
  CHECK(fixture.sink.replies[0].exchange == 7);
  CHECK(fixture.sink.replies[0].text == R"({"jsonrpc":"2.0","id":7,"result":[1]})");
  CHECK(fixture.session.in_flight() == 0);
  CHECK(fixture.session.held_bytes() == 0);
}

TEST_CASE("RpcSession: a batch counts for itself and for its running entries, and is answered as a whole") {
  Fixture fixture;
  fixture.receive("[" + Fixture::text_of(1) + "," + Fixture::text_of(2, "quick") + "]", 9);
  CHECK(fixture.session.in_flight() == 2);
  CHECK(fixture.sink.replies.empty());
  fixture.call(3, "rpc.cancel", "[1]");
  CHECK(fixture.session.in_flight() == 0);
  CHECK(fixture.session.held_bytes() == 0);
  REQUIRE(fixture.sink.replies.size() == 2);
  CHECK(fixture.sink.replies[0].exchange == 9);
  CHECK(fixture.sink.replies[0].text.starts_with("[{"));
  CHECK(fixture.sink.replies[0].text.find("-32800") != std::string::npos);
}

TEST_CASE("RpcSession: looking ahead, calls beyond the window are held, and started when there is room") {
  Fixture fixture;
  fixture.session.look_ahead(true);
  for (int id = 1; id <= 4; ++id) fixture.call(id);
  CHECK(fixture.session.held() == 2);
  CHECK(fixture.session.in_flight() == 4);
  fixture.call(5, "rpc.cancel", "[1]");
  fixture.session.start_held();
  CHECK(fixture.session.held() == 1);
  CHECK(fixture.session.window_full());
}

TEST_CASE("RpcSession: a held call can be cancelled, and is answered") {
  Fixture fixture;
  fixture.session.look_ahead(true);
  for (int id = 1; id <= 3; ++id) fixture.call(id);
  fixture.call(4, "rpc.cancel", "[3]");
  CHECK(fixture.session.held() == 0);
  REQUIRE(fixture.sink.replies.size() == 2);
  CHECK(fixture.sink.replies[0].exchange == 3);
  CHECK(fixture.sink.replies[0].code == kCancelled);
  CHECK(fixture.sink.replies[1].text == R"({"jsonrpc":"2.0","id":4,"result":true})");
}

TEST_CASE("RpcSession: at the end of a drain calls, held calls and batches are answered with the error") {
  Fixture fixture;
  fixture.session.look_ahead(true);
  fixture.call(1);
  fixture.call(2);
  fixture.call(3);
  fixture.receive("[" + Fixture::text_of(4) + "]", 4);
  CHECK(fixture.session.reply_due());
  CHECK(fixture.session.held() == 2);
  fixture.session.abort_all(proto::draining());
  CHECK_FALSE(fixture.session.reply_due());
  CHECK(fixture.session.in_flight() == 0);
  CHECK(fixture.session.held_bytes() == 0);
  CHECK(fixture.sink.replies.size() == 4);
}

TEST_CASE("RpcSession: sends nothing to a client that is gone") {
  Fixture fixture;
  fixture.session.look_ahead(true);
  for (int id = 1; id <= 3; ++id) fixture.call(id);
  fixture.session.disconnected();
  fixture.call(4, "quick");
  fixture.receive("[" + Fixture::text_of(5, "quick") + "]");
  CHECK(fixture.sink.replies.empty());
  CHECK(fixture.session.in_flight() == 0);
  CHECK(fixture.session.held_bytes() == 0);
  CHECK(fixture.parts.orphans.bytes() == 0);
}

}  // namespace
}  // namespace sluice::core
