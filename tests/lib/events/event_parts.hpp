// A hub with one I/O thread, and clients that note what they get. Time passes as the test says.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/events/event_fanout.hpp"
#include "lib/events/event_hub.hpp"
#include "lib/events/subscribe_request.hpp"
#include "lib/events/subscription_set.hpp"

namespace sluice::core::testing {

using namespace std::chrono_literals;
using nlohmann::json;

inline constexpr std::uint64_t kEpoch = 0xABCDEF0123456789;
inline constexpr std::size_t kAnyRoom = std::numeric_limits<std::size_t>::max();

struct CountingWaker final : EventWaker {
  bool try_wake() noexcept override {
    ++wakes;
    return !out_of_memory;
  }
  std::size_t wakes = 0;
  bool out_of_memory = false;
};

inline EventSettings with_history(const std::string& pattern, std::size_t events) {
  EventSettings settings;
  settings.topics[pattern].history_events_max = events;
  return settings;
}

struct EventDaemon {
  explicit EventDaemon(EventSettings settings = {}, HistoryBounds bounds = {})
      : hub(std::move(settings), kEpoch, bounds) {}

  EventPosition publish(std::string_view topic, std::string_view data = "1") {
    const auto published = hub.publish(topic, data, now);
    REQUIRE(published);
    return published.value().position;
  }
  void run() {
    while (fanout.run(now)) continue;
  }
  void pass(std::chrono::milliseconds time) { now += time; }

  TimePoint now{1h};
  EventHub hub;
  CountingWaker waker;
  std::uint64_t random = 0;
  EventFanout fanout{hub, waker, [this] { return ++random; }};
};

inline SubscribeRequest request_of(std::string_view params) {
  auto request = SubscribeRequest::parse(params);
  REQUIRE(request);
  return std::move(request.value());
}

// Its replies are written at once; its events when the test calls take().
class EventClient final : public EventSink, public EventOutput {
 public:
  explicit EventClient(EventDaemon& daemon)
      : daemon_(daemon), set_(std::make_unique<SubscriptionSet>(daemon.fanout, *this)) {}

  Result<std::string, proto::Error> try_subscribe(std::string_view params,
                                                  MethodStyle style = MethodStyle::dot) {
    return set_->subscribe(request_of(params), style, ++exchanges_, daemon_.now);
  }
  // Subscribes, and the time passes after which events may come.
  std::string subscribe(std::string_view params, MethodStyle style = MethodStyle::dot) {
    return subscribe_many(1, params, style).front();
  }
  std::vector<std::string> subscribe_many(std::size_t count, std::string_view params,
                                          MethodStyle style = MethodStyle::dot) {
    std::vector<std::string> ids;
    while (ids.size() < count) {
      auto id = try_subscribe(params, style);
      REQUIRE(id);
      set_->replied(exchanges_, daemon_.now);
      ids.push_back(std::move(id.value()));
    }
    daemon_.pass(20ms);
    daemon_.run();
    set_->deliver(*this, 0, daemon_.now);
    return ids;
  }
  // What the fan-out and then the connection have for it.
  std::vector<json> take(std::size_t room_bytes = kAnyRoom) {
    read(room_bytes);
    std::vector<json> messages;
    for (const std::string& text : texts) messages.push_back(json::parse(text));
    return messages;
  }
  void read(std::size_t room_bytes) {
    daemon_.run();
    texts.clear();
    set_->deliver(*this, room_bytes, daemon_.now);
  }
  // The number of notifications that it gets.
  std::size_t count() {
    read(kAnyRoom);
    return texts.size();
  }
  // The members `result` of what it gets; fails if anything else comes.
  std::vector<json> results(std::size_t room_bytes = kAnyRoom) {
    std::vector<json> values;
    for (const json& message : take(room_bytes)) values.push_back(message.at("params").at("result"));
    return values;
  }
  void disconnect() { set_.reset(); }
  SubscriptionSet& set() { return *set_; }
  std::uint64_t last_exchange() const { return exchanges_; }

  std::vector<std::string> texts;
  std::vector<std::string> positions;
  std::size_t notified = 0;

 private:
  void on_events() override { ++notified; }
  void write(const EventMessage& message) override {
    texts.push_back(std::string(message.head) + std::string(message.tail));
    positions.emplace_back(message.position);
  }

  EventDaemon& daemon_;
  std::uint64_t exchanges_ = 0;
  std::unique_ptr<SubscriptionSet> set_;
};

inline std::vector<json> numbers(int first, int last) {
  std::vector<json> values;
  for (int i = first; i <= last; ++i) values.emplace_back(i);
  return values;
}

}  // namespace sluice::core::testing
