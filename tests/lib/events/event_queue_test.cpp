#include "lib/events/event_queue.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

class Queue {
 public:
  explicit Queue(QueueBounds bounds, std::vector<EventPtr> replay = {}) : queue(bounds, std::move(replay)) {}

  static EventPtr event(std::uint64_t sequence, std::string_view topic = "a", std::size_t bytes = 0,
                        std::string_view key = {}) {
    auto made = std::make_shared<Event>(topic, "\"" + std::string(bytes, 'x') + "\"", kEpoch, TimePoint{1h});
    made->set_sequence(sequence);
    if (!key.empty()) made->set_key(key);
    return made;
  }
  void push(std::string_view topic = "a", std::size_t bytes = 0, std::string_view key = {}) {
    queue.push(event(++sequence, topic, bytes, key), now, counts);
  }
  std::vector<std::uint64_t> pop_all() {
    std::vector<std::uint64_t> sequences;
    for (; !queue.empty(); queue.pop()) sequences.push_back(queue.front().sequence());
    return sequences;
  }
  std::uint64_t dropped(EventDrop why) const { return counts.dropped(kOtherTopics, why); }

  EventCounts counts;
  EventQueue queue;
  std::uint64_t sequence = 100;
  TimePoint now{1h};
};

using Sequences = std::vector<std::uint64_t>;

TEST_CASE("EventQueue: events come out in their order, after those of the replay") {
  Queue queue({}, {Queue::event(1), Queue::event(2)});
  queue.push();
  queue.push();
  CHECK(queue.queue.events() == 4);
  CHECK(queue.pop_all() == Sequences{1, 2, 101, 102});
  CHECK(queue.queue.bytes() == 0);
}

TEST_CASE("EventQueue: it is slow after the grace, unless it gets within its bounds before") {
  Queue queue({.events_max = 4});
  for (int i = 0; i < 4; ++i) queue.push();
  CHECK_FALSE(queue.queue.too_slow_at());
  queue.push();
  CHECK(queue.queue.too_slow_at() == queue.now + 5s);
  queue.now += 4s;
  queue.push();
  CHECK(queue.queue.too_slow_at() == queue.now + 1s);
  queue.queue.pop();
  queue.queue.pop();
  queue.now += 2s;
  CHECK_FALSE(queue.queue.too_slow(queue.now));
  queue.push();
  queue.now += 5s;
  CHECK(queue.queue.too_slow(queue.now));
}

TEST_CASE("EventQueue: it is slow at once beyond four times a bound") {
  Queue by_number({.events_max = 4});
  for (int i = 0; i < 16; ++i) by_number.push();
  CHECK_FALSE(by_number.queue.too_slow(by_number.now));
  by_number.push();
  CHECK(by_number.queue.too_slow(by_number.now));

  Queue by_bytes({.bytes_max = 1000});
  for (int i = 0; i < 3; ++i) by_bytes.push("a", 1000);
  CHECK_FALSE(by_bytes.queue.too_slow(by_bytes.now));
  by_bytes.push("a", 1000);
  CHECK(by_bytes.queue.too_slow(by_bytes.now));
}

TEST_CASE("EventQueue: one event may wait, whatever its size") {
  for (const SlowPolicy policy : {SlowPolicy::close, SlowPolicy::drop_oldest, SlowPolicy::conflate}) {
    Queue queue({.bytes_max = 10, .policy = policy});
    queue.push("a", 1000);
    CHECK_FALSE(queue.queue.too_slow(queue.now + 1h));
    CHECK(queue.pop_all().size() == 1);
  }
}

TEST_CASE("EventQueue: a replay counts in no bound") {
  std::vector<EventPtr> replay;
  for (std::uint64_t i = 1; i <= 100; ++i) replay.push_back(Queue::event(i));
  Queue queue({.events_max = 2}, replay);
  queue.push();
  queue.push();
  CHECK_FALSE(queue.queue.too_slow(queue.now + 1h));
  CHECK(queue.pop_all().size() == 102);
}

TEST_CASE("EventQueue: the oldest are dropped, and counted for the next one that comes out") {
  Queue queue({.events_max = 3, .policy = SlowPolicy::drop_oldest}, {Queue::event(1)});
  for (int i = 0; i < 8; ++i) queue.push();
  CHECK(queue.queue.dropped() == 0);
  queue.queue.pop();
  CHECK(queue.queue.dropped() == 5);
  CHECK(queue.queue.front().sequence() == 106);
  queue.queue.pop();
  CHECK(queue.queue.dropped() == 0);
  CHECK(queue.pop_all() == Sequences{107, 108});
  CHECK(queue.dropped(EventDrop::slow) == 5);
  CHECK_FALSE(queue.queue.too_slow(queue.now + 1h));
}

TEST_CASE("EventQueue: one large event may drop several small ones") {
  Queue queue({.bytes_max = 1000, .policy = SlowPolicy::drop_oldest});
  for (int i = 0; i < 4; ++i) queue.push("a", 100);
  queue.push("a", 900);
  CHECK(queue.queue.dropped() == 4);
  CHECK(queue.pop_all() == Sequences{105});
}

TEST_CASE("EventQueue: only the newest event of a topic or key waits, in order of sequence") {
  Queue queue({.policy = SlowPolicy::conflate});
  queue.push("a");
  queue.push("b");
  queue.push("a");
  queue.push("c", 0, "1");
  queue.push("c", 0, "2");
  queue.push("c", 0, "1");
  CHECK(queue.queue.events() == 4);
  CHECK(queue.pop_all() == Sequences{102, 103, 105, 106});
  CHECK(queue.dropped(EventDrop::conflated) == 2);
  CHECK(queue.queue.bytes() == 0);
}

TEST_CASE("EventQueue: conflation takes no memory for what was replaced") {
  Queue queue({.events_max = 4, .policy = SlowPolicy::conflate});
  queue.push("first");
  for (int i = 0; i < 10'000; ++i) queue.push(i % 2 == 0 ? "a" : "b");
  CHECK(queue.queue.events() == 3);
  CHECK_FALSE(queue.queue.too_slow(queue.now + 1h));
  CHECK(queue.pop_all() == Sequences{101, 10'100, 10'101});
}

TEST_CASE("EventQueue: too many keys are too slow") {
  Queue queue({.events_max = 4, .policy = SlowPolicy::conflate});
  for (int i = 0; i < 17; ++i) queue.push("t" + std::to_string(i));
  CHECK(queue.queue.too_slow(queue.now));
}

TEST_CASE("EventQueue: what is discarded is counted") {
  Queue queue({.policy = SlowPolicy::conflate});
  for (const char* topic : {"a", "b", "a"}) queue.push(topic);
  queue.queue.discard(queue.counts);
  CHECK(queue.queue.empty());
  CHECK(queue.queue.bytes() == 0);
  CHECK(queue.dropped(EventDrop::slow) == 2);
  CHECK(queue.dropped(EventDrop::conflated) == 1);
}

TEST_CASE("EventRing: it is a queue, however pushes and pops are mixed") {
  EventRing ring;
  std::uint64_t pushed = 0;
  std::uint64_t popped = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < (round * 7) % 50; ++i) ring.push(Queue::event(++pushed));
    for (int i = 0; i < (round * 11) % 50 && !ring.empty(); ++i) CHECK(ring.pop()->sequence() == ++popped);
    REQUIRE(ring.size() == pushed - popped);
  }
}

}  // namespace
}  // namespace sluice::core::testing
