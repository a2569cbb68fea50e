#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

using namespace testing;
using std::chrono::milliseconds;

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

// Waits until stop is requested.
MethodSpec stop_method(std::string name, std::atomic<int>& begun, std::atomic<int>& stopped,
                       MethodOptions options = {}) {
  return text_method(
      std::move(name),
      [&](Call& call, std::string_view, std::string& result) -> std::optional<Error> {
        begun.fetch_add(1);
        Gate gate;
        const std::stop_callback on_stop(call.stop_token(), [&gate] { gate.open(); });
        if (gate.wait(std::chrono::seconds(20))) stopped.fetch_add(1);
        result += "1";
        return std::nullopt;
      },
      std::move(options));
}

TEST_CASE("Engine: white space before the first message is not held") {
  auto settings = test_settings();
  settings.limits.message_bytes_max = 64 * 1024;
  TestServer server({echo_method("echo")}, settings);
  RawClient client = server.connect();
  const double before = resident_mib();
  const std::string spaces(1 << 20, ' ');
  for (int i = 0; i < 64; ++i) client.send(spaces);
  while (client.pending_output() > 0) std::this_thread::yield();
  CHECK(resident_mib() - before < 32);
  CHECK(client.call("echo", "[1]")["result"] == Json{1});
}

TEST_CASE("Engine: white space does not begin a message") {
  auto settings = test_settings();
  settings.limits.message_timeout = milliseconds(100);
  TestServer server({echo_method("echo")}, settings);
  RawClient client = server.connect();
  client.send("\n");
  CHECK_FALSE(client.closed(milliseconds(600)));
  CHECK(client.call("echo", "[1]")["result"] == Json{1});
}

TEST_CASE("Engine: reload changes a unix socket's mode") {
  TemporaryFolder folder;
  auto settings = test_settings();
  const std::string path = folder.file("s");
  settings.listeners.front().address = "unix://" + path;
  settings.listeners.front().mode = 0600;
  TestServer server({echo_method("echo")}, settings);
  settings.listeners.front().mode = 0660;
  CHECK_NOTHROW(server.engine().reload(settings));
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0660);
  CHECK(server.connect().call("echo", "[1]")["result"] == Json{1});
}

TEST_CASE("Engine: reload of insecure alone keeps a TCP listener") {
  auto settings = test_settings();
  {
    TestServer probe({echo_method("echo")}, settings);
    settings.listeners.front().address = probe.address();
    probe.engine().drain();
  }
  TestServer server({echo_method("echo")}, settings);
  settings.listeners.front().insecure = true;
  CHECK_NOTHROW(server.engine().reload(settings));
}

TEST_CASE(
    "Engine: notifications of a batch whose sender is gone are requested to stop at the end of a drain") {
  std::atomic<int> begun{0}, stopped{0};
  auto settings = test_settings();
  settings.drain_timeout = milliseconds(100);
  TestServer server({stop_method("stop", begun, stopped)}, settings);
  {
    RawClient client = server.connect();
    std::string n = notification("stop");
    n.pop_back();
    client.send("[" + n + "]\n");
    REQUIRE(eventually([&] { return begun == 1; }));
    client.reset();
    REQUIRE(eventually([&] { return server.engine().status().connections == 0; }));
  }
  CHECK(server.engine().drain());
  CHECK(stopped == 1);
}

TEST_CASE("Engine: a notification of a gone sender is requested to stop at the end of a drain") {
  std::atomic<int> begun{0}, stopped{0};
  auto settings = test_settings();
  settings.drain_timeout = milliseconds(100);
  TestServer server({stop_method("stop", begun, stopped)}, settings);
  {
    RawClient client = server.connect();
    client.send(notification("stop"));
    REQUIRE(eventually([&] { return begun == 1; }));
    client.reset();
    REQUIRE(eventually([&] { return server.engine().status().connections == 0; }));
  }
  CHECK(server.engine().drain());
  CHECK(stopped == 1);
}

TEST_CASE("Engine: invalid or contradictory settings are refused") {
  auto settings = test_settings();
  settings.limits.batch_width = 0;
  CHECK_THROWS_AS(core::Engine{settings}, std::invalid_argument);
  settings = test_settings();
  settings.limits.message_bytes_max = std::size_t{8} << 30;
  CHECK_THROWS_AS(core::Engine{settings}, std::invalid_argument);
}

TEST_CASE("Engine: urgent data does not hide a later reset from a connection that is not read") {
  Gate gate;
  std::atomic<int> begun{0}, stopped{0};
  auto settings = test_settings();
  settings.limits.connection_window = 1;
  TestServer server({stop_method("stop", begun, stopped)}, settings);
  RawClient client = server.connect();
  client.send(request(1, "stop"));
  REQUIRE(eventually([&] { return begun == 1; }));
  client.send_urgent();
  client.reset();
  CHECK(eventually(std::chrono::seconds(5), [&] { return stopped == 1; }));
}

TEST_CASE("Engine: a broken message without newline, then a newline and a good one") {
  TestServer server({echo_method("echo")});
  RawClient client = server.connect();
  client.send("{\"jsonrpc\" x");
  CHECK(code_of(client.reply()) == -32700);
  CHECK_FALSE(client.try_line(milliseconds(200)));
  client.send("\n" + request(1, "echo", "[1]"));
  CHECK(client.reply()["result"] == Json{1});
}

TEST_CASE("Engine: entries of a batch that are answered let the connection be read again") {
  Gate gate;
  auto settings = test_settings();
  settings.limits.connection_window = 3;
  TestServer server(
      {echo_method("echo"), echo_method("quick", {.inline_io = true}), gate_method("wait", gate)}, settings);
  RawClient client = server.connect();
  std::string slow = request(1, "wait");
  std::string fast = request(2, "echo");
  slow.pop_back();
  fast.pop_back();
  client.send("[" + slow + "," + fast + "," + fast + "]\n" + request(3, "quick", "[3]"));
  CHECK(client.reply()["id"] == 3);
  gate.open();
  CHECK(client.reply().size() == 3);
}

TEST_CASE("Engine: long ids count for the bytes that a connection may have in flight") {
  Gate gate;
  auto settings = test_settings();
  settings.workers = 64;
  settings.limits.message_bytes_max = 64 * 1024;
  std::atomic<int> begun{0};
  TestServer server({text_method("wait",
                                 [&](Call&, std::string_view, std::string& result) -> std::optional<Error> {
                                   begun.fetch_add(1);
                                   gate.wait();
                                   result += "1";
                                   return std::nullopt;
                                 })},
                    settings);
  RawClient client = server.connect();
  const std::string id = "\"" + std::string(60 * 1024, 'i') + "\"";
  for (int i = 0; i < 8; ++i) client.send(R"({"jsonrpc":"2.0","method":"wait","id":)" + id + "}\n");
  REQUIRE(eventually([&] { return begun == 3; }));
  gate.open();
  for (int i = 0; i < 8; ++i) CHECK(client.reply()["result"] == 1);
  CHECK(begun == 8);
}

TEST_CASE("Engine: cancelling with long escaped ids does not hold up other connections") {
  Gate gate;
  TestServer server({echo_method("echo", {.inline_io = true}), gate_method("wait", gate)});
  RawClient client = server.connect();
  const std::string id = "\"" + std::string(1 << 20, 'i') + "\\u0041\"";
  client.send(R"({"jsonrpc":"2.0","method":"wait","id":)" + id + "}\n");
  std::string cancels;
  for (int i = 0; i < 20000; ++i) {
    cancels += R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"\u0042"}})"
               "\n";
  }
  const auto begin = std::chrono::steady_clock::now();
  client.send(cancels + request(7, "echo"));
  CHECK(client.reply()["id"] == 7);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  gate.open();
}

TEST_CASE("Engine: every call is answered once while methods come and go and settings are reloaded") {
  auto settings = test_settings();
  TestServer server({echo_method("stays"), echo_method("inline", {.inline_io = true})}, settings);
  const std::string address = server.address();
  std::atomic<bool> over{false};
  std::thread changer([&] {
    for (int round = 0; !over; ++round) {
      server.engine().add(echo_method("goes." + std::to_string(round % 3)));
      server.engine().remove("goes." + std::to_string((round + 1) % 3));
      settings.limits.batch_width = static_cast<std::size_t>(1 + round % 8);
      settings.methods["goes.*"].max_concurrent = static_cast<std::size_t>(1 + round % 5);
      if (round % 16 == 0) server.engine().reload(settings);
    }
  });
  const auto client = [&](int number) {
    RawClient connection(address);
    static constexpr int kRounds = 150;
    static constexpr int kPipelined = 20;
    for (int round = 0; round < kRounds; ++round) {
      std::string sent;
      for (int i = 0; i < kPipelined; ++i) {
        const std::string method = i % 4 == 0   ? "inline"
                                   : i % 4 == 1 ? "stays"
                                                : "goes." + std::to_string((i + number) % 3);
        sent += request(i, method, "[" + std::to_string(number) + "]");
      }
      connection.send(sent);
      std::vector<int> answers(kPipelined, 0);
      for (int i = 0; i < kPipelined; ++i) {
        const Json reply = connection.reply();
        ++answers[reply["id"].get<std::size_t>()];
        const bool fits = reply.contains("error") ? code_of(reply) == -32601 || code_of(reply) == -32009
                                                  : reply["result"] == Json{number};
        if (!fits) FAIL_CHECK("an answer that can't be: " << reply.dump());
      }
      for (const int count : answers) {
        if (count != 1) FAIL_CHECK("answered " << count << " times");
      }
    }
  };
  std::vector<std::thread> clients;
  for (int number = 0; number < 4; ++number) clients.emplace_back(client, number);
  for (std::thread& each : clients) each.join();
  over = true;
  changer.join();
  CHECK(eventually([&] { return server.idle(); }));
}

}  // namespace
}  // namespace sluice
