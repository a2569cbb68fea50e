#include "lib/loop/event_loop.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "tests/lib/loop/virtual_loop.hpp"

namespace sluice::core {
namespace {

using testing::Step;
using testing::VirtualLoop;
using Order = std::vector<std::string>;

// --- Iterations and their phases

TEST_CASE("EventLoop: posts run in their order, each in an iteration of its own") {
  VirtualLoop fixture;
  Order order;
  Step end([&] { order.emplace_back("end"); });
  fixture.loop.post([&] {
    order.emplace_back("first");
    fixture.loop.defer(end);
  });
  fixture.loop.post([&] { order.emplace_back("second"); });
  CHECK(fixture.serve() == 2);
  CHECK(order == Order{"first", "end", "second"});
  CHECK_FALSE(fixture.loop.poll());
}

TEST_CASE("EventLoop: an iteration ends with completions, submissions, permits and replies, in this order") {
  VirtualLoop fixture;
  Order order;
  Step completion([&] { order.emplace_back("completion"); });
  Step submission([&] { order.emplace_back("submission"); });
  Step permit([&] { order.emplace_back("permit"); });
  Step reply([&] { order.emplace_back("reply"); });
  fixture.loop.post([&] {
    fixture.loop.defer(reply);
    fixture.loop.defer(permit, Phase::permits);
    fixture.loop.defer(submission, Phase::submissions);
    fixture.loop.defer(completion, Phase::completions);
  });
  CHECK(fixture.serve() == 1);
  CHECK(order == Order{"completion", "submission", "permit", "reply"});
}

TEST_CASE("EventLoop: a task that a phase defers to a later one runs in the same iteration") {
  VirtualLoop fixture;
  Order order;
  Step completion, submission, permit;
  Step reply([&] { order.emplace_back("reply"); });
  completion.task = [&] { fixture.loop.defer(submission, Phase::submissions); };
  submission.task = [&] {
    fixture.loop.defer(permit, Phase::permits);
    fixture.loop.defer(reply);
  };
  permit.task = [&] { order.emplace_back("permit"); };
  fixture.loop.post([&] { fixture.loop.defer(completion, Phase::completions); });
  CHECK(fixture.serve(1) == 1);
  CHECK(order == Order{"permit", "reply"});
}

TEST_CASE("EventLoop: a task that a phase defers to itself or to an earlier one runs after the next event") {
  VirtualLoop fixture;
  for (const Phase phase : {Phase::completions, Phase::submissions}) {
    Order order;
    Step again([&] { order.emplace_back("again"); });
    Step once([&] { fixture.loop.defer(again, phase); });
    fixture.loop.post([&] {
      fixture.loop.post([&] { order.emplace_back("another event"); });
      fixture.loop.defer(once, Phase::submissions);
    });
    fixture.serve(1);
    CHECK(order.empty());
    fixture.serve();
    CHECK(order.front() == "another event");
    CHECK(order.back() == "again");
  }
}

TEST_CASE("EventLoop: a task that replies defer late runs in the same iteration, others in the next") {
  VirtualLoop fixture;
  Order order;
  Step first;
  Step late([&] { order.emplace_back("late"); });
  Step other([&] { order.emplace_back("other"); });
  first.task = [&] {
    fixture.loop.defer(other);
    fixture.loop.defer_late(late);
  };
  fixture.loop.post([&] {
    fixture.loop.post([&] { order.emplace_back("another event"); });
    fixture.loop.defer(first);
  });
  fixture.serve();
  CHECK(order == Order{"late", "another event", "other"});
}

TEST_CASE("EventLoop: a task that defers itself at each iteration's end runs once between two events") {
  VirtualLoop fixture;
  int runs = 0;
  Step restless;
  restless.task = [&] {
    if (++runs < 100) fixture.loop.defer(restless);
  };
  std::vector<int> seen;
  for (int event = 0; event < 5; ++event) {
    fixture.loop.post([&] {
      fixture.loop.defer(restless);
      seen.push_back(runs);
    });
  }
  fixture.serve(5);
  CHECK(seen == std::vector<int>{0, 1, 2, 3, 4});
  fixture.serve();
  CHECK(runs == 100);
}

TEST_CASE("EventLoop: a task that is deferred twice runs once, and not at all if it is destroyed before") {
  VirtualLoop fixture;
  int runs = 0;
  Step twice([&] { ++runs; });
  fixture.loop.post([&] {
    Step gone([&] { runs += 100; });
    fixture.loop.defer(twice);
    fixture.loop.defer(twice, Phase::submissions);
    fixture.loop.defer(gone);
  });
  fixture.serve();
  CHECK(runs == 1);
}

TEST_CASE("EventLoop: the task after each iteration runs last in every one") {
  VirtualLoop fixture;
  Order order;
  Step last([&] { order.emplace_back("last"); });
  Step reply([&] { order.emplace_back("reply"); });
  fixture.loop.after_each_iteration(last);
  fixture.loop.post([&] { fixture.loop.defer(reply); });
  fixture.loop.post([] {});
  fixture.serve();
  CHECK(order == Order{"reply", "last", "last"});
}

TEST_CASE("EventLoop: an event or a task that fails for lack of memory does not keep others from running") {
  VirtualLoop fixture;
  Order order;
  Step bad([] { throw std::bad_alloc(); });
  Step good([&] { order.emplace_back("task"); });
  fixture.loop.post([&] {
    fixture.loop.defer(bad);
    fixture.loop.defer(good);
    throw std::bad_alloc();
  });
  fixture.loop.post([&] { order.emplace_back("event"); });
  fixture.serve();
  CHECK(order == Order{"task", "event"});
}

// --- Completions

struct Completions final : CompletionSource {
  bool empty() const override { return waiting == 0; }
  bool ready() const override { return waiting > 0; }
  void drain() override {
    drained += std::exchange(waiting, 0);
    if (then) then();
  }
  using CompletionSource::looked_for;
  int waiting = 0;
  int drained = 0;
  std::function<void()> then;
};

TEST_CASE("EventLoop: completions are drained before other events, in an iteration with its phases") {
  VirtualLoop fixture;
  Completions source;
  fixture.loop.drain_from(source);
  Order order;
  Step reply([&] { order.emplace_back("reply"); });
  source.then = [&] {
    fixture.loop.defer(reply);
    order.emplace_back("completions");
  };
  fixture.loop.post([&] { order.emplace_back("event"); });
  source.waiting = 3;
  fixture.serve();
  CHECK(source.drained == 3);
  CHECK(order == Order{"completions", "reply", "event"});
}

TEST_CASE("EventLoop: a drain can be posted to it, and needs no source") {
  VirtualLoop fixture;
  CHECK(fixture.loop.try_post_drain());
  CHECK(fixture.serve() == 1);
}

TEST_CASE("EventLoop: from the first event on it looks for completions before it sleeps") {
  VirtualLoop fixture;
  Completions source;
  fixture.loop.drain_from(source);
  CHECK_FALSE(source.looked_for());
  fixture.loop.post([&] { CHECK(source.looked_for()); });
  CHECK(fixture.serve() == 1);
}

}  // namespace
}  // namespace sluice::core
