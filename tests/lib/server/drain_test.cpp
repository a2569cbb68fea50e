#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

using namespace testing;
using std::chrono::milliseconds;

MethodSpec big_method(std::size_t bytes) {
  const auto answer = [bytes](Call&, std::string_view, std::string& result) -> std::optional<Error> {
    result += '"' + std::string(bytes, 'x') + '"';
    return std::nullopt;
  };
  return text_method("big", answer);
}

TEST_CASE("Drain: a client that reads slowly, but reads, and still sends, gets its last reply whole") {
  static constexpr std::size_t kBytes = 160 * 1024;
  static constexpr std::size_t kPiece = 16 * 1024;
  static constexpr milliseconds kPace{30};
  auto settings = test_settings();
  // Much longer than the pace, much shorter than the whole takes.
  settings.limits.write_timeout = milliseconds(500);
  TestServer server({big_method(kBytes)}, settings);
  RawClient client = server.connect(4096);
  client.send(request(1, "big"));
  REQUIRE(eventually([&] { return client.waiting_input() > 0; }));
  std::thread drain([&] { server.engine().drain(); });
  std::size_t got = 0;
  auto next = std::chrono::steady_clock::now();
  while (const std::size_t bytes = client.read_some(kPiece)) {
    got += bytes;
    // What is still sent must not reset the connection before everything is read.
    client.send_available("\n");
    next += kPace;
    std::this_thread::sleep_until(next);
  }
  drain.join();
  CHECK_FALSE(client.was_reset());
  CHECK(got == std::string(R"({"jsonrpc":"2.0","id":1,"result":""})").size() + kBytes + 1);
}

TEST_CASE("Drain: a client that reads nothing does not hold it up") {
  auto settings = test_settings();
  settings.limits.write_timeout = milliseconds(100);
  TestServer server({big_method(400 * 1024)}, settings);
  RawClient client = server.connect(4096);
  client.send(request(1, "big"));
  REQUIRE(eventually([&] { return client.waiting_input() > 0; }));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(server.engine().drain());
  CHECK(std::chrono::steady_clock::now() - begin < settings.drain_timeout);
}

TEST_CASE("Drain: at its time limit every batch of a client is answered, though one has a large reply") {
  static constexpr int kBig = 24;
  Gate gate;
  auto settings = test_settings();
  settings.io_threads = 1;
  settings.drain_timeout = milliseconds(500);
  TestServer server({gate_method("wait", gate), big_method(100 * 1024)}, settings);
  const OpenAtEnd open(gate);
  RawClient client = server.connect();
  client.send("[" + request(1, "wait") + "]");
  std::string batch = "[" + request(2, "wait");
  for (int i = 0; i < kBig; ++i) batch += "," + request(10 + i, "big");
  client.send(batch + "]");
  // Is read when both have begun.
  client.send(request(3, "big"));
  REQUIRE(client.reply()["id"] == 3);
  REQUIRE(eventually([&] { return server.engine().status().in_flight == 2; }));
  std::jthread drain([&] { server.engine().drain(); });
  std::vector<Json> replies;
  for (int i = 0; i < 2; ++i) replies.push_back(Json::parse(client.line(), nullptr, false));
  drain.join();
  std::ranges::sort(replies, {}, [](const Json& reply) { return reply.size(); });
  for (const std::size_t entries : {std::size_t{1}, std::size_t{1} + kBig}) {
    const Json& reply = replies[entries == 1 ? 0 : 1];
    REQUIRE(reply.size() == entries);
    CHECK(code_of(reply[0]) == -32012);
  }
}

}  // namespace
}  // namespace sluice
