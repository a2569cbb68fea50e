// Clients that close their connection with messages still on their way.
#include <doctest/doctest.h>

#include <atomic>
#include <string>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

using namespace testing;

constexpr std::size_t kWindow = 4;

MethodSpec counting_method(std::string name, std::atomic<int>& count) {
  const auto run = [&count](Call&, std::string_view, std::string& result) -> std::optional<Error> {
    ++count;
    result += "1";
    return std::nullopt;
  };
  return text_method(std::move(name), run);
}

core::Settings settings_at(const std::string& address) {
  auto settings = test_settings();
  settings.io_threads = 1;
  settings.workers = kWindow + 1;
  settings.worker_queue = 1000;  // more than is sent: none is refused
  settings.listeners.front().address = address;
  settings.limits.connection_window = kWindow;
  return settings;
}

std::string repeated(std::size_t times, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("Hang-up: every notification before it runs, however many there are") {
  TemporaryFolder folder;
  for (const std::string& address : {"unix://" + folder.file("s"), std::string("tcp://127.0.0.1:0")}) {
    CAPTURE(address);
    std::atomic<int> count = 0;
    TestServer server({counting_method("note", count)}, settings_at(address));
    {
      RawClient client = server.connect();
      client.send(repeated(500, notification("note")));
    }
    CHECK(eventually([&] { return count == 500; }));
    CHECK(eventually([&] { return server.engine().status().connections == 0; }));
    CHECK(eventually([&] { return server.idle(); }));
  }
}

TEST_CASE(
    "Hang-up: behind calls that fill the window, notifications run, alone and in batches, and calls don't") {
  TemporaryFolder folder;
  std::atomic<int> notes = 0;
  std::atomic<int> calls = 0;
  Gate gate;
  TestServer server(
      {gate_method("wait", gate), counting_method("note", notes), counting_method("call", calls)},
      settings_at("unix://" + folder.file("s")));
  const OpenAtEnd open(gate);
  {
    RawClient client = server.connect();
    for (std::size_t id = 1; id <= kWindow; ++id) client.send(request(id, "wait"));
    REQUIRE(eventually([&] { return server.engine().status().in_flight == kWindow; }));
    std::string note = notification("note");
    std::string call = request(9, "call");
    note.pop_back();
    call.pop_back();
    client.send(note + call + "[" + note + "," + call + "," + note + "]" + repeated(2, note));
  }
  CHECK(eventually([&] { return notes == 5; }));
  gate.open();
  CHECK(eventually([&] { return server.engine().status().connections == 0 && server.idle(); }));
  CHECK(calls == 0);
}

}  // namespace
}  // namespace sluice
