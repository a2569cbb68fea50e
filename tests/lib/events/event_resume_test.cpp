// Subscribers that are cut off and resume, over and over.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

// A client that resumes after the last event that it got.
class Resuming {
 public:
  Resuming(EventDaemon& daemon, std::string topics) : daemon_(daemon), topics_(std::move(topics)) {
    connect();
  }

  void read(std::size_t room_bytes) {
    for (const json& message : client_->take(room_bytes)) {
      const json& params = message.at("params");
      if (params.contains("result")) results.push_back(params.at("result"));
      position_ = params.value("pos", position_);
    }
  }
  void cut() {
    client_.reset();
    connect();
  }

  std::vector<json> results;

 private:
  void connect() {
    client_ = std::make_unique<EventClient>(daemon_);
    client_->subscribe(R"({"topic":)" + topics_ + R"(,"heartbeat_ms":1000,"from":")" + position_ + R"("})");
  }

  EventDaemon& daemon_;
  std::string topics_;
  std::string position_ = EventPosition{kEpoch, 0}.to_string();
  std::unique_ptr<EventClient> client_;
};

TEST_CASE("Events: a client that is cut off a thousand times misses nothing, and gets nothing twice") {
  for (const unsigned seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
    EventDaemon daemon(with_history("*", 5000));
    Resuming client(daemon, R"(["a.*","b"])");
    std::vector<json> published;
    int number = 0;
    for (int cuts = 0; cuts < 1000;) {
      for (unsigned i = below(5); i > 0; --i) {
        const char* const topics[] = {"a.x", "a.y", "b", "c", "a"};
        const unsigned topic = below(5);
        daemon.publish(topics[topic], std::to_string(++number));
        if (topic < 3) published.emplace_back(number);
      }
      if (below(3) == 0) daemon.pass(std::chrono::milliseconds(below(500)));
      if (below(2) == 0) daemon.fanout.run(daemon.now);
      client.read(below(4) == 0 ? 0 : below(600));
      if (below(2) == 0) client.cut(), ++cuts;
    }
    daemon.pass(20ms);
    client.read(kAnyRoom);
    REQUIRE(client.results == published);
  }
}

TEST_CASE("Events: a position from a heartbeat or from a draining server resumes without a hole") {
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  EventDaemon daemon(with_history("*", 5000));
  std::string position = EventPosition{kEpoch, 0}.to_string();
  std::vector<json> published;
  std::vector<json> results;
  int number = 0;
  for (int cuts = 0; cuts < 200; ++cuts) {
    EventClient client(daemon);
    client.subscribe(R"({"topic":"a","heartbeat_ms":1000,"from":")" + position + R"("})");
    for (unsigned steps = below(6); steps > 0; --steps) {
      for (unsigned i = below(4); i > 0; --i) {
        const bool wanted = below(2) == 0;
        daemon.publish(wanted ? "a" : "b", std::to_string(++number));
        if (wanted) published.emplace_back(number);
      }
      daemon.pass(std::chrono::milliseconds(below(2000)));
      if (steps == 1) client.set().end_all(SubscriptionEnd::draining);
      for (const json& message : client.take()) {
        const json& params = message.at("params");
        if (params.contains("result")) results.push_back(params.at("result"));
        position = params.contains("error") ? params.at("error").at("data").at("pos") : params.at("pos");
      }
    }
  }
  EventClient last(daemon);
  last.subscribe(R"({"topic":"a","from":")" + position + R"("})");
  for (const json& value : last.results()) results.push_back(value);
  CHECK(results == published);
}

}  // namespace
}  // namespace sluice::core::testing
