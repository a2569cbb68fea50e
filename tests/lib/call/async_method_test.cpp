#include "lib/include/sluice/async.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

namespace asio = boost::asio;
using namespace testing;
using std::chrono::hours;
using std::chrono::milliseconds;

asio::awaitable<void> wait_for(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

MethodSpec echo_later() {
  return async_method("later", [](Call&, const Json& params) -> asio::awaitable<Result<Json>> {
    co_await wait_for(milliseconds(params.is_object() ? params.value("ms", 0) : 0));
    co_return params;
  });
}

// Waits until it is cancelled, and counts the ways in which it began and ended.
struct Waiter {
  std::atomic<int> begun{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> ended{0};

  MethodSpec method(std::string name, MethodOptions options = {}) {
    const auto wait = [this](Call& call, const Json&) -> asio::awaitable<Result<Json>> {
      struct AtEnd {
        std::atomic<int>& count;
        ~AtEnd() { count.fetch_add(1); }
      };
      const AtEnd at_end{ended};
      begun.fetch_add(1);
      asio::steady_timer timer(co_await asio::this_coro::executor, hours(1));
      boost::system::error_code error;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted && call.cancelled()) cancelled.fetch_add(1);
      co_return cancelled_error();
    };
    return async_method(std::move(name), wait, std::move(options));
  }

  static Error cancelled_error() { return sluice::cancelled(); }
};

TEST_CASE("async: a coroutine waits without holding the I/O thread, and answers") {
  auto settings = test_settings();
  settings.io_threads = 1;
  TestServer server({echo_later(), echo_method("echo")}, settings);
  RawClient client = server.connect();
  client.send(request(1, "later", R"({"ms":1000})") + request(2, "later", R"({"ms":0,"a":[1]})") +
              request(3, "echo", "[3]"));
  std::map<int, Json> replies;
  for (int i = 0; i < 3; ++i) {
    const Json reply = client.reply();
    replies[reply["id"].get<int>()] = reply;
    // The slow one is last.
    CHECK((reply["id"] == 1) == (i == 2));
  }
  CHECK(replies[1]["result"] == Json{{"ms", 1000}});
  CHECK(replies[2]["result"] == Json{{"ms", 0}, {"a", {1}}});
  CHECK(replies[3]["result"] == Json{3});
  CHECK(eventually([&] { return server.idle(); }));
}

TEST_CASE("async: absent params are null, and params that a tree can't hold are invalid") {
  TestServer server({echo_later()});
  RawClient client = server.connect();
  CHECK(client.call("later")["result"].is_null());
  const Json refused = client.call("later", "[1e999]");
  CHECK(code_of(refused) == -32602);
  CHECK(eventually([&] { return server.idle(); }));
}

TEST_CASE("async: a coroutine that returns an error answers it, one that throws answers an internal error") {
  const auto fails = async_method("fails", [](Call&, const Json&) -> asio::awaitable<Result<Json>> {
    co_await wait_for(milliseconds(1));
    co_return Error{7, "mine", {{"a", 1}}};
  });
  const auto throws_late =
      async_method("throws_late", [](Call&, const Json&) -> asio::awaitable<Result<Json>> {
        co_await wait_for(milliseconds(1));
        throw std::runtime_error("secret");
      });
  const auto throws_at_once =
      async_method("throws_at_once", [](Call&, const Json&) -> asio::awaitable<Result<Json>> {
        throw std::runtime_error("secret");
        co_return Json(1);
      });
  const auto throws_oddly =
      async_method("throws_oddly", [](Call&, const Json&) -> asio::awaitable<Result<Json>> {
        co_await wait_for(milliseconds(1));
        throw 42;
      });
  TestServer server({fails, throws_late, throws_at_once, throws_oddly});
  RawClient client = server.connect();
  CHECK(client.call("fails")["error"] == Json{{"code", 7}, {"message", "mine"}, {"data", {{"a", 1}}}});
  for (const char* method : {"throws_late", "throws_at_once", "throws_oddly"}) {
    CAPTURE(method);
    const Json reply = client.call(method);
    CHECK(code_of(reply) == -32603);
    CHECK(reply.dump().find("secret") == std::string::npos);
  }
  CHECK(eventually([&] { return server.idle(); }));
}

TEST_CASE("async: a function that throws before it is a coroutine answers an internal error") {
  const auto throws = async_method("throws", [](Call&, const Json&) -> asio::awaitable<Result<Json>> {
    throw std::runtime_error("secret");
  });
  TestServer server({throws, async_method("nothing", AsyncFunction())});
  RawClient client = server.connect();
  client.send(request(1, "throws", "", R"(,"timeout_ms":3000)") +
              request(2, "nothing", "", R"(,"timeout_ms":3000)"));
  CHECK(code_of(client.reply()) == -32603);
  CHECK(code_of(client.reply()) == -32603);
  CHECK(eventually(std::chrono::seconds(5), [&] { return server.idle(); }));
}

TEST_CASE("async: cancelling ends what the coroutine waits for") {
  Waiter waiter;
  TestServer server({waiter.method("wait")});
  RawClient client = server.connect();
  client.send(request(1, "wait"));
  REQUIRE(eventually([&] { return waiter.begun == 1; }));
  client.send(request(2, "rpc.cancel", R"({"id":1})"));
  CHECK(code_of(client.reply()) == -32800);
  CHECK(client.reply()["result"] == true);
  CHECK(eventually(std::chrono::seconds(5), [&] { return waiter.cancelled == 1 && server.idle(); }));
}

TEST_CASE("async: the time limit answers the caller and ends what the coroutine waits for") {
  Waiter waiter;
  TestServer server({waiter.method("wait", {.timeout = milliseconds(20)})});
  RawClient client = server.connect();
  const Json reply = client.call("wait");
  CHECK(code_of(reply) == -32002);
  CHECK(reply["error"]["data"]["timeout_ms"] == 20);
  CHECK(eventually(std::chrono::seconds(5), [&] { return waiter.cancelled == 1 && server.idle(); }));
}

TEST_CASE("async: a disconnect ends what the coroutine waits for") {
  Waiter waiter;
  TestServer server({waiter.method("wait")});
  RawClient client = server.connect();
  client.send(request(1, "wait"));
  REQUIRE(eventually([&] { return waiter.begun == 1; }));
  client.reset();
  CHECK(eventually(std::chrono::seconds(5), [&] { return waiter.cancelled == 1 && server.idle(); }));
}

TEST_CASE("async: a coroutine that ignores being cancelled keeps its permit until it ends") {
  const auto stubborn = async_method("stubborn", [](Call&, const Json&) -> asio::awaitable<Result<Json>> {
    // Catches the cancelling of its wait, and waits again.
    const auto until = std::chrono::steady_clock::now() + milliseconds(200);
    while (std::chrono::steady_clock::now() < until) {
      asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds(5));
      boost::system::error_code error;
      co_await asio::this_coro::throw_if_cancelled(false);
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    co_return Json("late");
  });
  TestServer server({stubborn});
  RawClient client = server.connect();
  client.send(request(1, "stubborn", "", R"(,"timeout_ms":20)"));
  CHECK(code_of(client.reply()) == -32002);
  CHECK(server.engine().status().in_flight == 1);
  CHECK(server.engine().status().abandoned == 1);
  CHECK(eventually([&] { return server.idle(); }));
  // The late answer went nowhere.
  client.send(request(2, "rpc.discover"));
  CHECK(client.reply()["id"] == 2);
}

TEST_CASE("async: a notification's coroutine outlives its sender") {
  std::atomic<int> done{0};
  Gate begun;
  const auto note = async_method("note", [&](Call&, const Json&) -> asio::awaitable<Result<Json>> {
    begun.open();
    co_await wait_for(milliseconds(50));
    done.fetch_add(1);
    co_return Json();
  });
  TestServer server({note});
  RawClient client = server.connect();
  client.send(notification("note"));
  REQUIRE(begun.wait());
  client.reset();
  CHECK(eventually([&] { return done == 1 && server.idle(); }));
}

TEST_CASE("async: completion, time limit, cancelling and disconnect race, and each call is answered once") {
  auto settings = test_settings();
  settings.limits.connection_window = 1000;
  TestServer server({echo_later()}, settings);
  for (int round = 0; round < 10; ++round) {
    RawClient client = server.connect();
    std::string burst;
    for (std::uint64_t id = 0; id < 100; ++id) {
      burst += request(id, "later", R"({"ms":)" + std::to_string(id % 5) + "}",
                       R"(,"timeout_ms":)" + std::to_string(1 + (id / 5) % 5));
      if (id % 7 == 0)
        burst += notification("$/cancelRequest", R"({"id":)" + std::to_string(id - id % 3) + "}");
    }
    client.send(burst);
    if (round % 3 == 2) {
      client.reset();
      continue;
    }
    std::map<int, int> answered;
    for (int i = 0; i < 100; ++i) ++answered[client.reply()["id"].get<int>()];
    CHECK(answered.size() == 100);
    client.end_sending();
    CHECK_FALSE(client.try_line(kWaitMax));
    CHECK(client.closed());
  }
  CHECK(eventually([&] { return server.idle(); }));
}

TEST_CASE("async: waiting coroutines are cancelled at the end of a drain") {
  Waiter waiter;
  auto settings = test_settings();
  settings.drain_timeout = milliseconds(50);
  TestServer server({waiter.method("wait")}, settings);
  RawClient client = server.connect();
  client.send(request(1, "wait"));
  REQUIRE(eventually([&] { return waiter.begun == 1; }));
  CHECK(server.engine().drain());
  CHECK(code_of(client.reply()) == -32012);
  CHECK(waiter.cancelled == 1);
  CHECK(client.closed());
}

TEST_CASE("async: a server that is destroyed while coroutines wait destroys them") {
  Waiter waiter;
  {
    TestServer server({waiter.method("wait")});
    RawClient client = server.connect();
    client.send(request(1, "wait") + notification("wait"));
    REQUIRE(eventually([&] { return waiter.begun == 2; }));
  }
  CHECK(waiter.ended == 2);
}

}  // namespace
}  // namespace sluice
