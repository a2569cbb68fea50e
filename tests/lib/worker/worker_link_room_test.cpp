// WorkerLink: how much large replies that have not been drained may hold.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <thread>
#include <vector>

#include "lib/worker/worker_link.hpp"
#include "tests/lib/worker/linked_loop.hpp"

namespace sluice::core {
namespace {

using testing::LinkedLoop;

TEST_CASE(
    "WorkerLink: a worker with a reply of many bytes waits for a bounded time while many have not been "
    "drained") {
  LinkedLoop fixture;
  WorkerLink& link = fixture.link;
  std::deque<ActiveCall> calls;
  const auto wait = [&](std::size_t bytes) {
    ActiveCall& call = calls.emplace_back();
    call.stage = ActiveCall::Stage::pooled;
    call.reply.reserve(bytes);
    const auto begin = Clock::now();
    link.await_room(call);
    return Clock::now() - begin;
  };
  wait(WorkerLink::kCompletedBytesMax);
  link.complete(calls.back());
  CHECK(wait(WorkerLink::kCompletedReplyBytesMin / 2) < WorkerLink::kRoomWaitMax);  // a small one
  CHECK(wait(WorkerLink::kCompletedReplyBytesMin) >= WorkerLink::kRoomWaitMax);
  CHECK(link.completed_bytes() >= WorkerLink::kCompletedBytesMax + WorkerLink::kCompletedReplyBytesMin);
  link.drain_completions();
  CHECK(link.completed_bytes() < WorkerLink::kCompletedBytesMax);
  CHECK(wait(WorkerLink::kCompletedReplyBytesMin) < WorkerLink::kRoomWaitMax);
}

TEST_CASE("WorkerLink: workers wait as well while it processes their completions") {
  LinkedLoop fixture;
  WorkerLink& link = fixture.link;
  ActiveCall first;
  ActiveCall second;
  for (ActiveCall* const call : {&first, &second}) {
    call->stage = ActiveCall::Stage::pooled;
    call->reply.reserve(WorkerLink::kCompletedBytesMax);
  }
  std::size_t held = 0;
  link.on_completed([&](ActiveCall& call) {
    if (&call == &first) held = link.completed_bytes();
  });
  link.await_room(first);
  link.complete(first);
  link.await_room(second);
  link.complete(second);
  link.drain_completions();
  CHECK(held >= WorkerLink::kCompletedBytesMax);
  CHECK(link.completed_bytes() == 0);
}

TEST_CASE(
    "WorkerLink: a worker that composes one big reply after another does not overtake waiting workers") {
  constexpr int kWaits = 11;
  constexpr auto kHeld = std::chrono::milliseconds(1);
  LinkedLoop fixture;
  WorkerLink& link = fixture.link;
  std::atomic<bool> over{false};
  std::atomic<int> replies{0};
  std::thread busy([&] {
    ActiveCall call;
    call.stage = ActiveCall::Stage::pooled;
    call.reply.reserve(WorkerLink::kCompletedBytesMax);
    while (!over) {
      link.await_room(call);
      link.complete(call);
      ++replies;
      const auto until = Clock::now() + kHeld;
      while (Clock::now() < until) continue;
      link.drain_completions();
    }
  });
  while (replies == 0) std::this_thread::yield();
  std::vector<int> passed_by;
  for (int count = 0; count < kWaits; ++count) {
    ActiveCall call;
    call.reply.reserve(WorkerLink::kCompletedReplyBytesMin);
    const int before = replies;
    link.await_room(call);
    passed_by.push_back(replies - before);
  }
  over = true;
  busy.join();
  std::ranges::sort(passed_by);
  CHECK(passed_by[kWaits / 2] <= 10);
}

}  // namespace
}  // namespace sluice::core
