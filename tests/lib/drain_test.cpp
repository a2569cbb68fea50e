#include <doctest/doctest.h>

#include <string>
#include <thread>

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

}  // namespace
}  // namespace sluice
