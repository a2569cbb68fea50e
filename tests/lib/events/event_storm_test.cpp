// Many threads publish, while subscribers of other threads join and leave.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/semaphore.hpp"
#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr int kEventsEach = 1000;
#else
constexpr int kEventsEach = 5000;
#endif
constexpr std::size_t kPublishers = 3;
constexpr std::size_t kIoThreads = 3;

// A subscriber that checks the order of what it gets: each publisher counts up.
class Checker final : private EventSink, private EventOutput {
 public:
  explicit Checker(EventFanout& fanout) : set_(fanout, *this) {}

  void subscribe(TimePoint now) {
    REQUIRE(set_.subscribe(request_of(R"({"topic":["t.*","other"]})"), MethodStyle::dot, 1, now));
    set_.replied(1, now);
  }
  void read(TimePoint now) { set_.deliver(*this, kAnyRoom, now); }
  const std::map<std::string, int>& last() const { return last_; }
  std::size_t received() const { return received_; }
  bool in_order() const { return in_order_; }

 private:
  void on_events() override {}
  void write(const EventMessage& message) override {
    const json params = json::parse(std::string(message.head) + std::string(message.tail)).at("params");
    const int value = params.at("result");
    const auto [last, first] = last_.try_emplace(params.at("topic").get<std::string>(), value);
    // Nothing is missing and nothing comes twice, from the first event on.
    if (!first && value != last->second + 1) in_order_ = false;
    last->second = value;
    ++received_;
  }

  std::map<std::string, int> last_;
  std::size_t received_ = 0;
  bool in_order_ = true;
  SubscriptionSet set_;
};

struct WakeUp final : EventWaker {
  bool try_wake() noexcept override {
    semaphore.post();
    return true;
  }
  Semaphore semaphore;
};

class IoThread {
 public:
  IoThread(EventHub& hub, std::uint64_t seed)
      : random_(seed), fanout_(hub, wake_, [this] { return random_(); }) {}

  // Until `done`, and everything has come.
  void run(const std::atomic<bool>& done) {
    Checker stays(fanout_);
    stays.subscribe(now_);
    started_ = true;
    std::unique_ptr<Checker> guest;
    for (bool last = false; !last;) {
      last = done;
      if (!last) wake_.semaphore.wait();
      now_ += 21ms;
      for (bool more = true; more;) {
        more = fanout_.run(now_);
        stays.read(now_);
        if (guest != nullptr) guest->read(now_);
      }
      if (guest != nullptr) in_order_ = in_order_ && guest->in_order();
      guest = random_() % 2 == 0 ? std::make_unique<Checker>(fanout_) : nullptr;
      if (guest != nullptr) guest->subscribe(now_);
    }
    in_order_ = in_order_ && stays.in_order();
    received_ = stays.received();
  }

  void wake() { wake_.try_wake(); }
  bool started() const { return started_; }
  bool in_order() const { return in_order_; }
  std::size_t received() const { return received_; }

 private:
  std::mt19937_64 random_;
  WakeUp wake_;
  EventFanout fanout_;
  TimePoint now_{1h};
  std::atomic<bool> started_{false};
  bool in_order_ = true;
  std::size_t received_ = 0;
};

TEST_CASE(
    "Events: in a storm of publishers and subscribers nothing is lost, and each publisher's order is kept") {
  EventSettings settings = with_history("t.*", 100);
  settings.queue_events_max = 1'000'000;
  settings.queue_bytes_max = 1'000'000'000;
  EventHub hub(settings, kEpoch);
  std::vector<std::unique_ptr<IoThread>> parts;
  for (std::size_t i = 0; i < kIoThreads; ++i) parts.push_back(std::make_unique<IoThread>(hub, i));
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (const auto& part : parts) readers.emplace_back([&] { part->run(done); });
  for (const auto& part : parts) {
    while (!part->started()) std::this_thread::yield();
  }
  std::vector<std::thread> publishers;
  for (std::size_t i = 0; i < kPublishers; ++i) {
    publishers.emplace_back([&hub, topic = "t." + std::to_string(i)] {
      for (int value = 0; value < kEventsEach; ++value) {
        while (!hub.publish(topic, std::to_string(value), TimePoint{1h})) std::this_thread::yield();
      }
    });
  }
  std::thread reloads([&] {
    for (int i = 0; i < 50; ++i) hub.apply(settings, TimePoint{1h}), hub.counts(), hub.expire(TimePoint{1h});
  });
  for (std::thread& publisher : publishers) publisher.join();
  reloads.join();
  done = true;
  for (const auto& part : parts) part->wake();
  for (std::thread& reader : readers) reader.join();
  for (const auto& part : parts) {
    CHECK(part->in_order());
    CHECK(part->received() == kPublishers * kEventsEach);
  }
  CHECK(hub.counts().subscriptions == 0);
}

}  // namespace
}  // namespace sluice::core::testing
