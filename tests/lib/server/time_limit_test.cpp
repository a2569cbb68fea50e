#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_server.hpp"

namespace sluice {
namespace {

using namespace testing;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kTimedOut = -32002;

// Returns at its deadline, more or less: params [microseconds], negative for before it.
MethodSpec near_deadline_method(milliseconds limit) {
  const auto run = [](Call& call, std::string_view params, std::string& result) -> std::optional<Error> {
    const microseconds jitter(Json::parse(params)[0].get<int>());
    // The work of the handler; no thread waits for another here.
    std::this_thread::sleep_until(call.deadline() + jitter);
    result += std::to_string(jitter.count());
    return std::nullopt;
  };
  return text_method("near", run, {.timeout = limit});
}

struct Tally {
  std::atomic<int> results{0};
  std::atomic<int> timeouts{0};
};

// Sends a window of such calls and checks that each gets one answer of its own.
void one_round(RawClient& client, std::mt19937& random, int calls, Tally& tally) {
  std::uniform_int_distribution<int> jitter(-4000, 2000);
  std::vector<int> asked;
  std::string text;
  for (int id = 0; id < calls; ++id) {
    asked.push_back(jitter(random));
    text += request(static_cast<std::uint64_t>(id), "near", "[" + std::to_string(asked.back()) + "]");
  }
  client.send(text);
  std::vector<int> answered(static_cast<std::size_t>(calls), 0);
  for (int i = 0; i < calls; ++i) {
    const Json reply = client.reply();
    const auto id = reply["id"].get<std::size_t>();
    if (++answered[id] != 1) FAIL_CHECK("answered again: " << reply.dump());
    const bool timed_out = code_of(reply) == kTimedOut;
    if (!timed_out && reply["result"] != asked[id]) FAIL_CHECK("an answer that can't be: " << reply.dump());
    (timed_out ? tally.timeouts : tally.results).fetch_add(1);
  }
}

TEST_CASE("Time limits: a blocking call that ends as its limit passes has one answer, and leaves nothing") {
  static constexpr int kClients = 2;
  static constexpr int kRounds = 60;
  static constexpr int kCallsPerRound = 8;
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  auto settings = test_settings();
  settings.workers = kClients * kCallsPerRound;
  TestServer server({near_deadline_method(milliseconds(15)), echo_method("echo")}, settings);
  const std::string address = server.address();
  Tally tally;
  std::vector<std::thread> clients;
  for (std::uint32_t number = 0; number < kClients; ++number) {
    clients.emplace_back([&, number] {
      std::mt19937 random(seed + number);
      RawClient client(address);
      for (int round = 0; round < kRounds; ++round) one_round(client, random, kCallsPerRound, tally);
      // Surplus responses would have come before this one.
      if (client.call("echo", "[1]")["result"] != Json{1}) FAIL_CHECK("an answer too many");
    });
  }
  for (std::thread& each : clients) each.join();
  CHECK(tally.results > 0);
  CHECK(tally.timeouts > 0);
  CHECK(tally.results + tally.timeouts == kClients * kRounds * kCallsPerRound);
  CHECK(eventually([&] { return server.engine().status().in_flight == 0; }));
  CHECK(eventually([&] { return server.engine().status().abandoned == 0; }));
}

}  // namespace
}  // namespace sluice
