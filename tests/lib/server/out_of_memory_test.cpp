// Calls and connections when memory runs out anywhere on their way.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "lib/include/sluice/async.hpp"
#include "tests/support/shortage.hpp"

namespace sluice {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr int kInternalError = -32603;
// No way of a message through the I/O thread makes more allocations than this.
constexpr std::size_t kSteps = 80;
// Steps without a failure in a row, after which none is to be expected.
constexpr std::size_t kSpared = 10;

MethodSpec throwing_method(std::string name, std::function<void()> body, MethodOptions options = {}) {
  const auto run = [body = std::move(body)](Call&, std::string_view,
                                            std::string& result) -> std::optional<Error> {
    body();
    result += "1";
    return std::nullopt;
  };
  return text_method(std::move(name), run, std::move(options));
}

MethodSpec async_echo_method() {
  return async_method(
      "later", [](Call&, const Json& params) -> boost::asio::awaitable<Result<Json>> { co_return params; });
}

// One thread of each kind and no queue: the next call would miss a lost permit or slot.
core::Settings narrow_settings() {
  auto settings = test_settings();
  settings.io_threads = 1;
  settings.workers = 1;
  settings.worker_queue = 0;
  return settings;
}

// A long answer to a short question.
MethodSpec big_method() {
  const auto answer = [](Call&, std::string_view, std::string& result) -> std::optional<Error> {
    result += '"' + std::string(100'000, 'x') + '"';
    return std::nullopt;
  };
  return text_method("big", answer, {.inline_io = true});
}

std::vector<MethodSpec> all_methods() {
  return {shortage_method(), echo_method("echo"), echo_method("quick", {.inline_io = true}),
          async_echo_method(), big_method()};
}

// The responses by id (-1 for null), until `expected` of them came or the connection ended. Every client must
// get either.
std::map<int, Json> answers(RawClient& client, std::size_t expected, bool& closed) {
  std::map<int, Json> replies;
  closed = false;
  while (replies.size() < expected) {
    const auto line = client.try_line(std::chrono::seconds(10));
    if (!line) {
      closed = client.closed(milliseconds(0));
      REQUIRE_MESSAGE(closed, "a client waits in vain");
      return replies;
    }
    const Json parsed = Json::parse(*line);
    for (const Json& reply : parsed.is_array() ? parsed : Json::array({parsed})) {
      const bool first = replies.emplace(reply["id"].is_null() ? -1 : reply["id"].get<int>(), reply).second;
      CHECK_MESSAGE(first, "answered twice: ", reply.dump());
    }
  }
  return replies;
}

// Ends the shortage of the one worker.
MethodSpec relief_method() {
  return throwing_method("relief", [] { fail_allocations(0, 0); });
}

// Calls what ends the shortage, until it runs. A few clients may be refused; none waits in vain.
void end_shortage(TestServer& server, const std::string& call = shortage(0, 0)) {
  bool ended = false;
  for (std::size_t tries = 0; !ended; ++tries) {
    REQUIRE(tries < kSteps);
    RawClient client = server.connect();
    try {
      client.send(call);
    } catch (const std::system_error&) {
      continue;  // refused already
    }
    bool closed = false;
    const auto replies = answers(client, 1, closed);
    ended = !closed && code_of(replies.begin()->second) == 0;
  }
}

// The server goes on: no permit, slot or handler is lost, and the next client is served.
void check_goes_on(TestServer& server) {
  REQUIRE(eventually([&] { return server.idle(); }));
  for (const char* method : {"quick", "echo", "later"}) {
    RawClient next = server.connect();
    CAPTURE(method);
    REQUIRE(next.call(method)["result"] == nullptr);
  }
}

// What the client found: how many sweeps' steps met a failure, were answered with an error, were closed.
struct Found {
  std::size_t failed = 0;
  std::size_t errors = 0;
  std::size_t closed = 0;
};

// How many allocations fail in a row, and of which size at least.
struct Kind {
  std::size_t count = 1;
  std::size_t bytes = 0;
};

// Sends `text` right behind the beginning of a shortage, for each step that an allocation can fail at.
// `expected` answers are due besides the one of the shortage itself.
Found sweep(const Kind& kind, const std::string& text, std::size_t expected,
            const core::Settings& settings = narrow_settings()) {
  Found found;
  std::size_t spared = 0;
  for (std::size_t skip = 0; skip < kSteps && spared < kSpared; ++skip) {
    CAPTURE(skip);
    CAPTURE(kind.count);
    TestServer server(all_methods(), settings);
    const std::size_t before = failed_allocations();
    RawClient client = server.connect();
    client.send(shortage(skip, kind.count, kind.bytes) + text);
    bool closed = false;
    const auto replies = answers(client, expected + 1, closed);
    spared = failed_allocations() > before ? 0 : spared + 1;
    for (const auto& [id, reply] : replies) {
      const int code = code_of(reply);
      CHECK_MESSAGE((code == 0 || code == kInternalError), reply.dump());
      if (code != 0) ++found.errors;
    }
    end_shortage(server);
    check_goes_on(server);
    found.failed += failed_allocations() > before ? 1 : 0;
    found.closed += closed ? 1 : 0;
  }
  return found;
}

TEST_CASE("Memory: a handler that throws, whatever it throws, is answered -32603 and costs nothing") {
  const auto no_memory = [] { throw std::bad_alloc(); };
  const auto exception = [] { throw std::runtime_error("a \x01 b"); };
  const auto number = [] { throw 7; };
  for (const bool inline_io : {false, true}) {
    CAPTURE(inline_io);
    auto methods = all_methods();
    methods.push_back(throwing_method("no_memory", no_memory, {.inline_io = inline_io}));
    methods.push_back(throwing_method("exception", exception, {.inline_io = inline_io}));
    methods.push_back(throwing_method("number", number, {.inline_io = inline_io}));
    TestServer server(std::move(methods), narrow_settings());
    RawClient client = server.connect();
    for (const char* method : {"no_memory", "exception", "number"}) {
      CHECK(code_of(client.call(method)) == kInternalError);
    }
    check_goes_on(server);
  }
}

TEST_CASE("Memory: a failed allocation for a result or its completion ends no worker") {
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
    for (std::size_t skip = 0; skip < 12; ++skip) {
      CAPTURE(skip);
      CAPTURE(count);
      auto methods = all_methods();
      methods.push_back(relief_method());
      methods.push_back(
          text_method("blocking", [=](Call&, std::string_view, std::string& result) -> std::optional<Error> {
            fail_allocations(skip, count);
            result += '"' + std::string(64 * 1024, 'x') + '"';
            return std::nullopt;
          }));
      TestServer server(std::move(methods), narrow_settings());
      RawClient client = server.connect();
      client.send(request(1, "blocking"));
      bool closed = false;
      for (const auto& [id, reply] : answers(client, 1, closed)) {
        CHECK((code_of(reply) == 0 || code_of(reply) == kInternalError));
      }
      end_shortage(server, request(1, "relief"));
      check_goes_on(server);
    }
  }
}

TEST_CASE(
    "Memory: a blocking call whose text can't be kept is answered or disconnected, and its slot is "
    "released") {
  const std::string text = request(1, "echo", R"([")" + std::string(1000, 'x') + R"("])");
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
    const Found found = sweep({.count = count}, text, 1);
    CHECK(found.failed > 0);
    // If a single allocation fails, an error can still be sent.
    CHECK((count == 1 ? found.errors : found.closed) > 0);
  }
}

TEST_CASE("Memory: an answer that can't be kept for sending cuts its client off") {
  const std::string text = request(1, "big");
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
    const Found found = sweep({.count = count}, text, 1);
    CHECK(found.failed > 0);
    CHECK(found.closed > 0);
  }
}

// Of large pieces only: Asio's coroutines, and the ends of nlohmann_json's trees, take no failure of theirs.
TEST_CASE("Memory: a coroutine whose params or result are too much is answered or cut off") {
  const std::string text = request(1, "later", R"([")" + std::string(100'000, 'x') + R"("])");
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
    const Found found = sweep({.count = count, .bytes = 16 * 1024}, text, 1);
    CHECK(found.failed > 0);
    CHECK(found.errors > 0);
  }
}

TEST_CASE("Memory: messages that wait for the window are processed, or their client is disconnected") {
  auto settings = narrow_settings();
  settings.limits.connection_window = 1;
  std::string behind = request(1, "echo", "[1]");
  behind += "[" + request(2, "quick") + "," + request(3, "quick") + "]";
  behind.erase(std::remove(behind.begin(), behind.end(), '\n'), behind.end());
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
    const Found found = sweep({.count = count}, behind + "\n", 3, settings);
    CHECK(found.failed > 0);
    CHECK(found.closed > 0);
  }
}

TEST_CASE("Memory: refusals and broken messages are answered or cut off") {
  const std::string unknown = request(1, "no.such.method.that.has.a.long.name");
  auto settings = narrow_settings();
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
    for (std::size_t skip = 0; skip < kSteps; ++skip) {
      CAPTURE(skip);
      TestServer server(all_methods(), settings);
      RawClient client = server.connect();
      client.send(shortage(skip, count) + unknown + "[]\n" + request(2, "quick"));
      bool closed = false;
      answers(client, 4, closed);
      end_shortage(server);
      check_goes_on(server);
    }
  }
}

TEST_CASE(
    "Memory: at the end of a drain every client is answered or disconnected, though memory runs out at the "
    "first") {
  auto settings = narrow_settings();
  settings.workers = 3;
  settings.drain_timeout = milliseconds(50);
  settings.limits.call_timeout = std::chrono::seconds(600);
  // A drain does not wait for handlers that go on: they may outlive this test.
  const auto gate = std::make_shared<Gate>();
  keep_for_ever(gate);
  // Stopped on the I/O thread, while it answers the clients.
  const auto hold = [gate](Call& call, std::string_view, std::string& result) -> std::optional<Error> {
    const std::stop_callback shortage(call.stop_token(), [&gate] {
      fail_allocations(0, kSteps);
      gate->open();
    });
    gate->wait();
    result += "1";
    return std::nullopt;
  };
  TestServer server({text_method("hold", hold)}, settings);
  const OpenAtEnd open(*gate);
  RawClient first = server.connect();
  RawClient second = server.connect();
  first.send(request(1, "hold"));
  RawClient third = server.connect();
  REQUIRE(eventually([&] { return server.engine().status().connections == 3; }));
  const std::string entry = request(1, "hold");
  second.send("[" + entry.substr(0, entry.size() - 1) + "]\n");
  third.send(entry);
  REQUIRE(eventually([&] { return server.engine().status().in_flight == 3; }));
  const std::size_t before = failed_allocations();
  CHECK(server.engine().drain());
  CHECK(failed_allocations() > before);
  CHECK(first.closed());
  CHECK(second.closed());
  CHECK(third.closed());
}

}  // namespace
}  // namespace sluice
