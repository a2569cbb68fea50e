// Batches whose connection ends while they are being run. What they must not touch any more only the address
// sanitizer sees for certain.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr int kCalls = 100;
constexpr std::size_t kIdBytes = 10'000;

// On a Unix socket the kernel's buffer is of one size: what a client leaves unread is known.
struct UnixServer {
  static core::Settings settings(TemporaryFolder& folder) {
    auto settings = test_settings();
    settings.io_threads = 1;
    settings.listeners.front().address = "unix://" + folder.file("s");
    settings.limits.output_bytes_max = 64 * 1024;
    return settings;
  }

  TemporaryFolder folder;
  Gate gate;
  TestServer server{{gate_method("wait", gate), echo_method("quick", {.inline_io = true})}, settings(folder)};
  OpenAtEnd open{gate};
};

std::string long_id(int number) {
  std::string digits = std::to_string(number);
  return '"' + digits + std::string(kIdBytes - digits.size(), 'i') + '"';
}

// Without its newline, as an entry of a batch.
std::string entry(std::string text) {
  text.pop_back();
  return text;
}

// Cancels every call from within one batch, which goes on with more entries. Each call's answer repeats
// its long id, so that together they are more than the client's connection holds.
std::string cancelling_batch() {
  std::string batch = "[" + entry(request(5000, "wait"));
  for (int i = 0; i < kCalls; ++i) {
    batch += "," + entry(request(1000 + i, "rpc.cancel", "[" + long_id(i) + "]"));
    if (i % 10 == 0)
      batch += "," + entry(request(2000 + i, "wait")) + "," + entry(request(3000 + i, "quick"));
  }
  return batch + "]\n";
}

void begin_calls(RawClient& client, TestServer& server) {
  std::string calls;
  for (int i = 0; i < kCalls; ++i) calls += request(long_id(i), "wait");
  client.send(calls);
  REQUIRE(eventually([&] { return server.engine().status().in_flight == kCalls; }));
}

void check_served(UnixServer& unix_server) {
  unix_server.gate.open();
  CHECK(eventually([&] { return unix_server.server.idle(); }));
  RawClient next = unix_server.server.connect();
  CHECK(next.call("quick", "[1]")["result"] == Json{1});
}

TEST_CASE("Batch: answers to its own cancels that overflow the connection end it, and the batch in order") {
  UnixServer unix_server;
  RawClient client = unix_server.server.connect();
  begin_calls(client, unix_server.server);
  client.send(cancelling_batch());
  // Nothing is read until the server has given up.
  CHECK(eventually([&] { return unix_server.server.engine().status().connections == 0; }));
  CHECK(client.closed());
  check_served(unix_server);
}

TEST_CASE("Batch: a client that is gone when its batch's cancels are answered ends the batch in order") {
  UnixServer unix_server;
  RawClient other = unix_server.server.connect();
  {
    RawClient client = unix_server.server.connect();
    begin_calls(client, unix_server.server);
    client.send(cancelling_batch());
    client.hang_up();
  }
  CHECK(eventually([&] { return unix_server.server.engine().status().connections == 1; }));
  check_served(unix_server);
}

// They take several time slices, and the first of their client's connections has ended before the last of
// them.
TEST_CASE("Batch: notifications of a client that left in the middle of them are run to their end") {
  constexpr int kNotifications = 1000;
  static constexpr auto kTime = std::chrono::microseconds(20);
  std::atomic<int> ran{0};
  Gate client_left;
  const auto count = [&](Call&, std::string_view, std::string&) -> std::optional<Error> {
    client_left.wait();
    const auto until = std::chrono::steady_clock::now() + kTime;
    while (std::chrono::steady_clock::now() < until) continue;
    ++ran;
    return std::nullopt;
  };
  TemporaryFolder folder;
  TestServer server({text_method("count", count, {.inline_io = true})}, UnixServer::settings(folder));
  std::string batch = "[" + entry(notification("count"));
  for (int number = 1; number < kNotifications; ++number) batch += "," + entry(notification("count"));
  {
    RawClient client = server.connect();
    client.send(batch + "]\n");
    client.hang_up();
  }
  client_left.open();
  CHECK(eventually([&] { return ran == kNotifications; }));
  CHECK(eventually([&] { return server.engine().status().connections == 0; }));
}

TEST_CASE("Batch: one that cancels its own entries answers each of them once") {
  UnixServer unix_server;
  RawClient client = unix_server.server.connect();
  std::string batch = "[";
  for (int i = 0; i < 20; ++i) batch += entry(request(i, "wait")) + ",";
  for (int i = 19; i >= 0; --i) {
    batch += entry(request(100 + i, "rpc.cancel", "[" + std::to_string(i) + "]")) + (i > 0 ? "," : "");
  }
  client.send(batch + "]\n");
  unix_server.gate.open();
  const Json replies = client.reply();
  REQUIRE(replies.size() == 40);
  for (int i = 0; i < 20; ++i) CHECK(replies[static_cast<std::size_t>(i)]["id"] == i);
}

}  // namespace
}  // namespace sluice
