// A drain while an I/O thread is kept from its sockets.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

using namespace testing;

// More than are checked at once, so that the time of some passes before their check.
constexpr std::size_t kClients = 200;

// Cancelling it holds up the I/O thread.
MethodSpec stubborn_method(Gate& running, Gate& held, Gate& release) {
  const auto wait = [&](Call& call, std::string_view, std::string& result) -> std::optional<Error> {
    Gate stopped;
    const std::stop_callback on_stop(call.stop_token(), [&] {
      held.open();
      release.wait();
      stopped.open();
    });
    running.open();
    stopped.wait();
    result += "null";
    return std::nullopt;
  };
  return text_method("stubborn", wait);
}

TEST_CASE("Drain: received calls are answered, even if the I/O thread was blocked while they came") {
  Gate running, held, release, gate;
  auto settings = test_settings();
  settings.io_threads = 1;
  TestServer server({stubborn_method(running, held, release), gate_method("wait", gate), echo_method("echo")},
                    settings);
  OpenAtEnd open_gate{gate}, open{release};

  RawClient canceller = server.connect();
  canceller.send(request(1, "stubborn"));
  REQUIRE(running.wait());
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(server.connect());
    clients.back().send(request(1, "wait"));
  }
  REQUIRE(eventually([&] { return server.engine().status().in_flight == kClients + 1; }));
  RawClient idle = server.connect();
  std::thread drain([&] { server.engine().drain(); });
  CHECK(idle.closed());  // all know of the drain
  canceller.send(request(2, "rpc.cancel", "[1]"));
  CHECK(held.wait());
  gate.open();
  for (RawClient& client : clients) client.send(request(2, "echo"));
  CHECK(eventually([&] {
    return std::ranges::all_of(clients, [](const RawClient& client) { return client.pending_output() == 0; });
  }));
  release.open();
  std::size_t refused = 0;
  for (RawClient& client : clients) {
    for (int lines = 0; lines < 2; ++lines) {
      const auto line = client.try_line(kWaitMax);
      if (!line) continue;
      const Json reply = Json::parse(*line);
      if (reply["id"] == 2 && reply["error"]["code"] == -32012) ++refused;
    }
  }
  CHECK(refused == kClients);
  drain.join();
}

TEST_CASE("Drain: a client that pipelines without pause does not hold it up") {
  auto settings = test_settings();
  settings.drain_timeout = std::chrono::seconds(30);
  TestServer server({echo_method("echo", {.inline_io = true})}, settings);
  std::vector<std::jthread> pipelining;
  for (int i = 0; i < 4; ++i) {
    pipelining.emplace_back([client = std::make_shared<RawClient>(server.connect())](std::stop_token stop) {
      std::string burst;
      for (std::uint64_t id = 0; id < 50; ++id) burst += request(id, "echo");
      try {
        while (!stop.stop_requested()) {
          client->send_available(burst);
          if (client->waiting_input() > 0 && client->read_some(1 << 20) == 0) return;
        }
      } catch (const std::exception&) {
        // The server has closed the connection.
      }
    });
  }
  REQUIRE(eventually([&] { return server.engine().status().connections == 4; }));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(server.engine().drain());
  CHECK(std::chrono::steady_clock::now() - begin < settings.drain_timeout / 2);
}

}  // namespace
}  // namespace sluice
