#include "lib/worker/worker_link.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

namespace sluice::core {

namespace {

constexpr auto kMemoryPause = std::chrono::milliseconds(1);  // before memory may be available again

}  // namespace

WorkerLink::WorkerLink(EventLoop& loop, WorkerPool& pool)
    : loop_(loop), pool_(pool), worker_dispatcher_(pool) {
  loop_.drain_from(*this);
}

bool WorkerLink::cancel_queued(ActiveCall& call) {
  if (call.stage != ActiveCall::Stage::pooled) return false;
  if (worker_dispatcher_.is_queued(call)) {
    worker_dispatcher_.cancel_queued(call);
  } else if (!pool_.cancel_queued(call)) {
    return false;
  }
  --loop_.outside_work().pending;
  return true;
}

void WorkerLink::submit_calls() {
  if (!worker_dispatcher_.push(loop_.now())) return;
  if (worker_dispatcher_.idle_again()) {
    // Workers that were woken on this processor have finished by now. Their replies go with this iteration's.
    drain_completions();
  } else if (worker_dispatcher_.watching() && !worker_check_.linked()) {
    loop_.set_deadline(worker_check_, loop_.now() + WorkerDispatcher::kCheckPause);
  }
}

void WorkerLink::WorkerCheck::on_deadline(TimePoint now) {
  link.worker_dispatcher_.check();
  if (link.worker_dispatcher_.watching()) link.loop_.set_deadline(*this, now + WorkerDispatcher::kCheckPause);
}

bool WorkerLink::complete(ActiveCall& call) {
  const bool first = completions_.push(call);
  if (loop_.here()) {
    loop_.defer(drain_, Phase::completions);
    return false;
  }
  if (!first || looked_for()) return false;
  // No other thread would wake the loop for the completion.
  while (!loop_.try_post_drain()) std::this_thread::sleep_for(kMemoryPause);
  return true;
}

void WorkerLink::await_room(ActiveCall& call) {
  constexpr auto kPause = std::chrono::microseconds(200);
  const std::size_t bytes = call.reply.capacity();
  if (bytes < kCompletedReplyBytesMin) return;
  const auto held = [this] { return completed_bytes_.load(std::memory_order_relaxed); };
  // While others wait, half of the room is reserved for them.
  const bool overtakes =
      awaiting_room_.load(std::memory_order_relaxed) > 0 && held() + bytes > kCompletedBytesMax / 2;
  if (overtakes || held() >= kCompletedBytesMax) {
    awaiting_room_.fetch_add(1, std::memory_order_relaxed);
    const TimePoint until = Clock::now() + kRoomWaitMax;
    do {
      std::this_thread::sleep_for(kPause);
    } while (held() >= kCompletedBytesMax && Clock::now() < until);
    awaiting_room_.fetch_sub(1, std::memory_order_relaxed);
  }
  call.completed_bytes = bytes;
  completed_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void WorkerLink::deliver_notes(std::shared_ptr<CallNotes> notes) {
  if (!on_notes_) return;
  loop_.post([this, notes = std::move(notes)] { on_notes_(*notes); });
}

void WorkerLink::release_reply_bytes(ActiveCall& call) {
  completed_bytes_.fetch_sub(std::exchange(call.completed_bytes, 0), std::memory_order_relaxed);
}

void WorkerLink::drain_completions() {
  loop_.begin_slice();
  OutsideWork& work = loop_.outside_work();
  std::int64_t count = 0;
  std::chrono::nanoseconds ran{0};
  const SmallWorkTimer draining = loop_.time_small_work();
  completions_.take_all([&](ActiveCall& call) {
    if (call.stage == ActiveCall::Stage::pooled) {
      --work.pending;
      ++count;
      ran += call.finished - call.started;
      if (call.completed_bytes > 0) release_reply_bytes(call);
    }
    shielded("a completion", [&] { on_completed_(call); });
  });
  loop_.slices().observe_small(SmallWork::reply, draining.took());
  if (count == 0) return;
  work.completed += static_cast<std::uint64_t>(count);
  work.run_time.observe(ran / count);
}

}  // namespace sluice::core
