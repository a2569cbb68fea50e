#include <doctest/doctest.h>

#include <array>
#include <string>

#include <pthread.h>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr milliseconds kProbeTime{200};

bool healthy(TestServer& server) {
  const auto health = server.engine().health(kPatience);
  return health.ok && health.reason.empty();
}

TEST_CASE("Health: an I/O thread that a handler holds up is named, until it goes on") {
  Gate gate, begun;
  std::string thread;
  const auto hold = [&](Call&, std::string_view, std::string& result) -> std::optional<Error> {
    std::array<char, 16> name{};
    ::pthread_getname_np(::pthread_self(), name.data(), name.size());
    thread = name.data();
    begun.open();
    gate.wait();
    result += "1";
    return std::nullopt;
  };
  TestServer server({text_method("hold", hold, {.in_line = true})});
  const OpenAtEnd open(gate);
  CHECK(healthy(server));
  RawClient client = server.connect();
  client.send(request(1, "hold"));
  REQUIRE(begun.wait());
  const auto health = server.engine().health(kProbeTime);
  CHECK_FALSE(health.ok);
  CHECK(thread.starts_with("io-"));
  CHECK(health.reason == thread + " makes no progress");
  gate.open();
  CHECK(client.reply()["result"] == 1);
  CHECK(healthy(server));
}

TEST_CASE("Health: workers that are all stuck past their calls' limits are unhealthy, until one is free") {
  Gate first, second;
  auto settings = test_settings();
  settings.workers = 2;
  settings.limits.call_timeout = milliseconds(20);
  TestServer server({gate_method("first", first), gate_method("second", second)}, settings);
  const OpenAtEnd open_first(first), open_second(second);
  RawClient client = server.connect();
  CHECK(code_of(client.call("first")) == -32002);
  CHECK(code_of(client.call("second")) == -32002);
  CHECK(eventually([&] { return !healthy(server); }));
  const auto health = server.engine().health(kProbeTime);
  CHECK(health.reason == "every worker is stuck past its call's time limit");
  CHECK(server.engine().status().abandoned == 2);
  first.open();
  CHECK(eventually([&] { return healthy(server); }));
  second.open();
  CHECK(eventually([&] { return server.idle(); }));
  CHECK(healthy(server));
}

}  // namespace
}  // namespace sluice
