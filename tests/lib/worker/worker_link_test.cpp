#include "lib/worker/worker_link.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/lib/loop/virtual_loop.hpp"
#include "tests/lib/worker/linked_loop.hpp"

namespace sluice::core {
namespace {

using std::chrono::seconds;
using testing::LinkedLoop;
using testing::Step;
using Order = std::vector<std::string>;

// --- To the workers

TEST_CASE("WorkerLink: calls of an iteration are pushed together, at its end") {
  LinkedLoop fixture;
  ActiveCall first, second;
  fixture.loop.post([&] {
    fixture.enqueue(first);
    fixture.enqueue(second);
    CHECK(fixture.queued() == 0);
    CHECK(fixture.link.waits(first));
  });
  CHECK(fixture.serve() == 1);
  CHECK(fixture.queued() == 2);
  CHECK(fixture.link.waits(first));
  CHECK(fixture.link.cancel_queued(first));
  CHECK(fixture.link.cancel_queued(second));
}

TEST_CASE("WorkerLink: a call that waits for the iteration's end, or in a worker's queue, can be canceled") {
  LinkedLoop fixture;
  ActiveCall first, second, third;
  fixture.loop.post([&] {
    for (ActiveCall* const call : {&first, &second, &third}) fixture.enqueue(*call);
    CHECK(fixture.link.cancel_queued(first));
  });
  fixture.serve();
  CHECK(fixture.queued() == 2);
  CHECK(fixture.link.waits(second));
  CHECK(fixture.link.cancel_queued(second));
  CHECK_FALSE(fixture.link.waits(second));
  CHECK_FALSE(fixture.link.cancel_queued(second));
  CHECK(fixture.queued() == 1);
  CHECK(fixture.link.cancel_queued(third));
  CHECK(fixture.loop.outside_work().pending == 0);
}

TEST_CASE("WorkerLink: it has a spare worker until as many calls as workers are under way") {
  LinkedLoop fixture;
  ActiveCall call;
  CHECK(fixture.link.has_spare());
  fixture.loop.post([&] { fixture.enqueue(call); });
  fixture.serve();
  CHECK_FALSE(fixture.link.has_spare());
  CHECK(fixture.link.cancel_queued(call));
  CHECK(fixture.link.has_spare());
}

TEST_CASE("WorkerLink: workers that are full take no more calls until a slot is released") {
  LinkedLoop fixture;
  fixture.loop.post([&] {
    std::size_t reserved = 0;
    while (fixture.link.reserve({}) != WorkerPool::kNone) ++reserved;
    CHECK(reserved == 5);
    fixture.link.release_slot(0);
    CHECK(fixture.link.reserve({}) == 0);
    for (; reserved > 0; --reserved) fixture.link.release_slot(0);
  });
  CHECK(fixture.serve() == 1);
}

// --- Back from them

TEST_CASE("WorkerLink: a call that ends on the loop's thread is answered at the end of its iteration") {
  Order order;
  LinkedLoop fixture([&](ActiveCall&) { order.emplace_back("the call"); });
  ActiveCall call;
  Step reply([&] { order.emplace_back("replies"); });
  fixture.loop.post([&] {
    fixture.loop.post([&] { order.emplace_back("another event"); });
    fixture.loop.defer(reply);
    CHECK_FALSE(fixture.link.complete(call));
    order.emplace_back("the iteration's event");
  });
  fixture.serve();
  CHECK(order == Order{"the iteration's event", "the call", "replies", "another event"});
}

TEST_CASE("WorkerLink: calls that a completion enqueues are pushed in the same iteration, before replies") {
  ActiveCall first, second;
  LinkedLoop* on = nullptr;
  LinkedLoop fixture([&](ActiveCall&) { on->enqueue(second); });
  on = &fixture;
  std::size_t queued = 0;
  Step reply([&] { queued = fixture.queued(); });
  fixture.loop.post([&] {
    fixture.loop.defer(reply);
    fixture.link.complete(first);
  });
  CHECK(fixture.serve(1) == 1);
  CHECK(queued == 1);
  CHECK(fixture.link.cancel_queued(second));
}

TEST_CASE("WorkerLink: a call that ends while others are answered is answered in the next iteration") {
  Order order;
  ActiveCall first, second;
  LinkedLoop* on = nullptr;
  LinkedLoop fixture([&](ActiveCall& call) {
    order.emplace_back(&call == &first ? "first" : "second");
    if (&call == &first) on->link.complete(second);
  });
  on = &fixture;
  Step reply([&] { order.emplace_back("reply"); });
  fixture.loop.post([&] {
    fixture.loop.defer(reply);
    fixture.link.complete(first);
  });
  fixture.serve(1);
  CHECK(order == Order{"first", "reply"});
  fixture.serve(1);
  CHECK(order == Order{"first", "reply", "second"});
}

TEST_CASE("WorkerLink: completions of another thread are answered together, before other events") {
  Order order;
  LinkedLoop fixture([&](ActiveCall&) { order.emplace_back("answer"); });
  ActiveCall first, second;
  fixture.loop.post([&] { order.emplace_back("event"); });
  bool woken = false;
  std::thread worker([&] {
    woken = fixture.link.complete(first);
    fixture.link.complete(second);
  });
  worker.join();
  CHECK(woken);  // the loop had not begun to look
  fixture.serve(1);
  CHECK(order == Order{"answer", "answer"});
  fixture.serve();
  CHECK(order == Order{"answer", "answer", "event"});
}

TEST_CASE("WorkerLink: a loop that looks for completions is not woken for them") {
  LinkedLoop fixture;
  ActiveCall call;
  fixture.loop.post([] {});
  fixture.serve();
  bool woken = true;
  std::thread worker([&] { woken = fixture.link.complete(call); });
  worker.join();
  CHECK_FALSE(woken);
  CHECK(fixture.serve() == 1);
}

TEST_CASE("WorkerLink: busy polling goes by the calls that workers have, and by how long those ran") {
  LinkedLoop fixture;
  ActiveCall call;
  const OutsideWork& work = fixture.loop.outside_work();
  fixture.loop.post([&] { fixture.enqueue(call); });
  fixture.serve();
  CHECK(work.pending == 1);
  CHECK(fixture.pool.cancel_queued(call));  // as a worker does that takes it
  call.started = fixture.now;
  call.finished = fixture.now + std::chrono::microseconds(7);
  fixture.link.complete(call);
  fixture.serve();
  CHECK(work.pending == 0);
  CHECK(work.completed == 1);
  CHECK(work.run_time.approx() == std::chrono::microseconds(7));
}

TEST_CASE("WorkerLink: a call that is completed as the loop goes to sleep is answered") {
  WorkerPool pool{1, 1};
  EventLoop loop("loop");
  WorkerLink link(loop, pool);
  std::atomic<std::size_t> answered{0};
  link.on_completed([&](ActiveCall&) { answered.fetch_add(1); });
  std::thread thread([&] { loop.run(); });
  ActiveCall call;
  call.stage = ActiveCall::Stage::async;
  // A slow machine tries less often.
  const auto enough = Clock::now() + seconds(4);
  for (std::size_t i = 1; i <= 200'000 && Clock::now() < enough; ++i) {
    link.complete(call);
    const auto until = Clock::now() + seconds(10);
    while (answered.load() < i && Clock::now() < until) continue;
    REQUIRE(answered.load() == i);
    // From before it looks whether to sleep to after that, in small steps.
    for (std::size_t spins = i % 600; spins > 0; --spins) std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  loop.stop();
  thread.join();
}

}  // namespace
}  // namespace sluice::core
