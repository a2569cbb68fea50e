#include "lib/rpc/control_methods.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

using testing::SessionParts;
using testing::TestSink;

// Keeps the last target, and the last subscription.
struct TestSession final : SessionControl {
  bool cancel(const CancelTarget& target) override {
    id = target.id;
    last = target;
    return found;
  }
  bool unsubscribe(std::string_view subscription) override {
    unsubscribed = subscription;
    return found;
  }
  std::string id;
  std::string unsubscribed;
  std::optional<CancelTarget> last;
  bool found = true;
};

ClientSettings secret_client() {
  ClientSettings client;
  client.name = "a";
  client.token_sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";  // of "secret"
  return client;
}

struct Fixture {
  std::optional<ControlMethods::Answer> handle(std::string_view method, std::string_view params,
                                               std::string_view id = {}) {
    return control.handle({.id = id, .method = method, .params = params}, nullptr);
  }
  std::string reply(std::string_view method, std::string_view params) {
    const auto answer = handle(method, params, "1");
    REQUIRE(answer);
    return answer->reply;
  }

  SessionParts parts{{}, {secret_client()}};
  TestSink sink;
  CallerIdentity identity{parts.access, parts.calls.stats(), sink};
  TestSession calls;
  ControlMethods control{identity, calls, parts.calls.stats()};
};

TEST_CASE("ControlMethods: unsubscribing answers whether there was such a subscription, never an error") {
  Fixture fixture;
  for (const char* method : {"rpc.unsubscribe", "rpc_unsubscribe"}) {
    CHECK(ControlMethods::is_control(method));
    for (const char* params : {R"(["0x1"])", R"({"subscription":"0x1"})"}) {
      fixture.calls = {};
      CHECK(fixture.reply(method, params) == R"({"jsonrpc":"2.0","id":1,"result":true})");
      CHECK(fixture.calls.unsubscribed == "0x1");
    }
    fixture.calls.found = false;
    CHECK(fixture.reply(method, R"(["0x1"])") == R"({"jsonrpc":"2.0","id":1,"result":false})");
    fixture.calls = {};
    for (const char* params : {"", "[]", "{}", "[7]", "[null]", R"({"id":"0x1"})"}) {
      CHECK(fixture.reply(method, params) == R"({"jsonrpc":"2.0","id":1,"result":false})");
    }
    CHECK(fixture.calls.unsubscribed.empty());
  }
}

TEST_CASE("ControlMethods: leaves other methods alone") {
  Fixture fixture;
  for (const char* method : {"rpc.discover", "rpc.cancelled", "$/other", "notifications/other", "echo", ""}) {
    CHECK_FALSE(ControlMethods::is_control(method));
    CHECK_FALSE(fixture.handle(method, "[1]", "1"));
    CHECK_FALSE(fixture.handle(method, "[1]"));
  }
  CHECK_FALSE(fixture.calls.last);
}

TEST_CASE("ControlMethods: a control method may be one by its first character") {
  for (const char* method :
       {"rpc.cancel", "rpc.authenticate", "$/cancelRequest", "notifications/cancelled"}) {
    CHECK(ControlMethods::is_control(method));
    CHECK(ControlMethods::may_be_control(method));
  }
  CHECK_FALSE(ControlMethods::may_be_control("echo"));
  CHECK_FALSE(ControlMethods::may_be_control(""));
}

TEST_CASE("ControlMethods: rpc.cancel names the call by name or position, and answers whether it was found") {
  Fixture fixture;
  CHECK(fixture.reply("rpc.cancel", R"({"id":7})") == R"({"jsonrpc":"2.0","id":1,"result":true})");
  CHECK(fixture.calls.id == "7");
  CHECK(fixture.calls.last->hash == hash_of_id("7"));
  CHECK_FALSE(fixture.calls.last->silent);
  fixture.calls.found = false;
  CHECK(fixture.reply("rpc.cancel", R"(["x"])") == R"({"jsonrpc":"2.0","id":1,"result":false})");
  CHECK(fixture.calls.id == R"("x")");
}

TEST_CASE("ControlMethods: rpc.cancel without an id is an error, and cancels nothing") {
  Fixture fixture;
  const auto answer = fixture.handle("rpc.cancel", "{}", "1");
  REQUIRE(answer);
  CHECK(answer->code == static_cast<std::int64_t>(proto::ErrorCode::invalid_params));
  CHECK_FALSE(fixture.calls.last);
}

TEST_CASE("ControlMethods: a notification is handled, and not answered") {
  Fixture fixture;
  const auto answer = fixture.handle("rpc.cancel", "[7]");
  REQUIRE(answer);
  CHECK(answer->reply.empty());
  CHECK(fixture.calls.id == "7");
}

TEST_CASE("ControlMethods: a cancelled call is answered in LSP and not in MCP") {
  Fixture fixture;
  REQUIRE(fixture.handle("$/cancelRequest", R"({"id":7})"));
  CHECK(fixture.calls.id == "7");
  CHECK_FALSE(fixture.calls.last->silent);
  REQUIRE(fixture.handle("notifications/cancelled", R"({"requestId":8})"));
  CHECK(fixture.calls.id == "8");
  CHECK(fixture.calls.last->silent);
}

TEST_CASE("ControlMethods: a dialect's cancel is a notification; as a request it is an ordinary call") {
  Fixture fixture;
  CHECK_FALSE(fixture.handle("$/cancelRequest", R"({"id":7})", "1"));
  CHECK_FALSE(fixture.handle("notifications/cancelled", R"({"requestId":7})", "1"));
  CHECK_FALSE(fixture.calls.last);
}

TEST_CASE("ControlMethods: where clients share a connection, a cancel reaches calls of its own client only") {
  Fixture fixture;
  fixture.handle("rpc.cancel", "[7]");
  CHECK_FALSE(fixture.calls.last->own_only);
  fixture.identity.set_shared(true);
  fixture.handle("rpc.cancel", "[7]");
  CHECK(fixture.calls.last->own_only);
}

TEST_CASE("ControlMethods: rpc.authenticate takes a client's token and refuses another") {
  Fixture fixture;
  CHECK(fixture.reply("rpc.authenticate", R"({"token":"secret"})") ==
        R"({"jsonrpc":"2.0","id":1,"result":true})");
  fixture.identity.resolve(TimePoint(std::chrono::hours(1)));
  CHECK(fixture.identity.grant()->client_name() == "a");
  CHECK(fixture.handle("rpc.authenticate", R"(["wrong"])", "1")->code == proto::unauthenticated().code);
  CHECK(fixture.handle("rpc.authenticate", "[5]", "1")->code ==
        static_cast<std::int64_t>(proto::ErrorCode::invalid_params));
}

TEST_CASE("ControlMethods: each answer is counted under its method") {
  Fixture fixture;
  fixture.handle("rpc.cancel", "[7]", "1");
  fixture.handle("rpc.cancel", "{}", "1");
  const MethodShard& counts =
      fixture.parts.thread.metrics().method(fixture.parts.metrics.method("rpc.cancel"));
  std::string codes;
  counts.for_each_code([&](const std::string& label, std::uint64_t count) {
    if (count > 0) codes += label + "=" + std::to_string(count) + " ";
  });
  CHECK(codes == "ok=1 -32602=1 ");
}

}  // namespace
}  // namespace sluice::core
