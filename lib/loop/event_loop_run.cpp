// Waiting of the event loop: what it checks before it sleeps, and what it does without memory.
#include <algorithm>
#include <chrono>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>

#include "lib/loop/event_loop.hpp"
#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"

namespace sluice::core {

namespace {

// Run time of a piece of outside work, before one is measured: few workers' calls take less, with all
// overhead.
constexpr auto kRunTimeMin = std::chrono::nanoseconds(250);
constexpr auto kMemoryPause = std::chrono::milliseconds(1);  // before memory may be available again

}  // namespace

void EventLoop::run() {
  current_ = this;
  const auto work = boost::asio::make_work_guard(context_);
  // Events do not throw in ordinary operation. Running out of memory for one event must not end the process.
  for (;;) {
    // In this order: stop() sets stopping_ before it stops the context.
    context_.restart();
    if (stopping_.load(std::memory_order_acquire)) return;
    try {
      if (catch_up()) {
        run_events();
        continue;
      }
      // Other events are served meanwhile: they may free memory.
      context_.restart();
      if (stopping_.load(std::memory_order_acquire)) return;
      completions_->set_looked_for(false, std::memory_order_seq_cst);
      context_.run_for(kMemoryPause);
    } catch (const std::exception& exception) {
      static RareLine line(std::chrono::seconds(1));
      line.log(spdlog::level::err, Clock::now(),
               [&] { return fmt::format("{}: an event failed: {}", name_, exception.what()); });
    }
  }
}

bool EventLoop::poll() {
  current_ = this;
  context_.restart();
  if (!completions_->empty()) return take_completions(), true;
  if (!has_timer_ && timer_at_ <= clock_.now()) return on_timer(), true;
  if (!sliced_.empty()) return run_slices(), true;
  return context_.poll_one() > 0;
}

void EventLoop::stop() {
  stopping_.store(true, std::memory_order_release);
  context_.stop();
}

// As context_.run(), but polls a while before it sleeps.
void EventLoop::run_events() {
  while (!context_.stopped()) {
    if (!completions_->empty()) take_completions();
    if (!sliced_.empty()) {
      run_slices();
    } else if (!may_poll() || (context_.poll_one() == 0 && !poll_a_while())) {
      await_event();
    }
  }
}

// Either this thread sees a completion, or the thread that pushes it sees that this one must be woken (both
// are sequentially consistent).
void EventLoop::await_event() {
  completions_->set_looked_for(false, std::memory_order_seq_cst);
  const bool may_sleep = completions_->empty();
  if (may_sleep) {
    context_.run_one();
    return;
  }
  completions_->set_looked_for(true, std::memory_order_relaxed);
  // A thread that is just pushing may wait for this processor.
  if (!completions_->ready()) std::this_thread::yield();
  context_.poll_one();
}

bool EventLoop::may_poll() {
  if (!busy_poll_) return false;
  const std::size_t pending = outside_work_.pending;
  if (pending == 0) return !polls_for_events_.backing_off();
  const auto run_time = std::max<BusyPoll::Duration>(outside_work_.run_time.approx(), kRunTimeMin);
  return !polls_for_completions_.backing_off() &&
         run_time <= BusyPoll::kWorkMax / static_cast<std::int64_t>(pending);
}

// True if an event came and was handled.
bool EventLoop::poll_a_while() {
  const bool others_run = outside_work_.pending > 0;
  const std::uint64_t before = outside_work_.completed;
  const TimePoint began = Clock::now();
  BusyPoll::Duration took{0};
  bool found = false;
  bool completed = false;
  while (!found && took < BusyPoll::kWindow && !context_.stopped()) {
    // A worker on the same processor would wait for the end of the window.
    if (others_run) std::this_thread::yield();
    took = Clock::now() - began;
    completed = !completions_->empty();
    found = completed || context_.poll_one() > 0;
  }
  // A worker's part of the window was not wasted. Other threads used more: they need the processor.
  if (completed || outside_work_.completed != before)
    took = std::max(BusyPoll::Duration(0), took - BusyPoll::kWindow);
  (others_run ? polls_for_completions_ : polls_for_events_).looked(took);
  return found;
}

// Makes up for a wake-up that failed for lack of memory. False if memory still does not suffice.
bool EventLoop::catch_up() {
  behind_ = false;
  take_completions();
  const auto waits = [](const TaskList& tasks) { return !tasks.empty(); };
  if (!iteration_end_posted_ && std::ranges::any_of(deferred_, waits)) end_iteration();
  if (timer_at_ == TimePoint::max()) arm_timer();
  if (!watching_sockets_) watch_sockets();
  return !behind_;
}

// Leaves the loop, so that run() calls catch_up().
void EventLoop::put_off() {
  behind_ = true;
  context_.stop();
}

}  // namespace sluice::core
