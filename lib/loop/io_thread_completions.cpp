// Completions: calls that workers and backends have ended, on their way back to the I/O thread.
#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

#include "lib/loop/io_thread.hpp"

namespace sluice::core {

namespace {

constexpr auto kMemoryPause = std::chrono::milliseconds(1);  // until there may be memory again

}  // namespace

bool IoThread::complete(ActiveCall& call) {
  const bool first = completions_.push(call);
  if (here()) {
    completed_here_ = true;
    post_iteration_end();
    return false;
  }
  if (!first || looks_for_completions_.load(std::memory_order_seq_cst)) return false;
  // No other thread would wake this one for the completion.
  while (!try_post_completions()) std::this_thread::sleep_for(kMemoryPause);
  return true;
}

void IoThread::await_room(ActiveCall& call) {
  constexpr auto kPause = std::chrono::microseconds(200);
  const std::size_t bytes = call.reply.capacity();
  if (bytes < kCompletedReplyBytesMin) return;
  const auto held = [this] { return completed_bytes_.load(std::memory_order_relaxed); };
  // While others wait, half of the room is theirs.
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

void IoThread::release_reply_bytes(ActiveCall& call) {
  completed_bytes_.fetch_sub(std::exchange(call.completed_bytes, 0), std::memory_order_relaxed);
}

bool IoThread::try_post_completions() {
  try {
    boost::asio::post(context_, [this] { take_completions(); });
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void IoThread::take_completions() {
  handle_event("completions", [this] { drain_completions(); });
}

void IoThread::drain_completions() {
  begin_slice();
  std::int64_t count = 0;
  std::chrono::nanoseconds ran{0};
  const SmallWorkTimer draining(sliced_, clock_);
  completions_.take_all([&](ActiveCall& call) {
    if (call.stage == ActiveCall::Stage::pooled) {
      --pooled_;
      ++count;
      ran += call.finished - call.started;
      if (call.completed_bytes > 0) release_reply_bytes(call);
    }
    shielded("a completion", [&] { on_completed_(call); });
  });
  sliced_.observe_small(SmallWork::reply, draining.took());
  if (count == 0) return;
  completed_ += static_cast<std::uint64_t>(count);
  pooled_run_time_.observe(ran / count);
}

}  // namespace sluice::core
