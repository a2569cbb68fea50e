// Event loop (reactor): sockets, timers, posts, postponed work and deferred tasks of one thread.
#pragma once

#include <array>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lib/base/intrusive_list.hpp"
#include "lib/loop/busy_poll.hpp"
#include "lib/loop/completion_source.hpp"
#include "lib/loop/deferred_task.hpp"
#include "lib/loop/loop_time.hpp"
#include "lib/loop/poller.hpp"
#include "lib/loop/read_batch.hpp"
#include "lib/loop/shielded.hpp"
#include "lib/loop/slice_queue.hpp"
#include "lib/loop/small_work_timer.hpp"
#include "lib/loop/time_slice.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "lib/time/quick_clock.hpp"

namespace sluice::core {

// Each event is an iteration: its handler runs, then deferred tasks in the order of their phases. The loop
// knows no calls: completions of other threads reach it through a CompletionSource.
// Confined to the thread in run(), except post(), try_post_drain(), stop() and here(). Before run() it is
// confined to the thread that constructed it. Everything that uses it is destroyed after run() has returned.
class EventLoop {
 public:
  // `name` is for the log. Throws std::system_error at a limit of the system.
  explicit EventLoop(std::string name, LoopTime time = {});
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  const std::string& name() const { return name_; }

  // Serves events until stop().
  void run();
  // Handles one event that is ready, as run() does, but never waits; false if no event was ready. Deadlines
  // count if the time is virtual. For a loop that does not run; the calling thread counts as the loop's.
  bool poll();
  // Any thread.
  void stop();
  // Whether this is called on the loop's thread. Any thread.
  bool here() const { return current_ == this; }

  // Runs `task` on this thread, in the order of posting. Thread-safe.
  void post(std::function<void()> task);

  // The handler of an event calls this first: it reads the time for this iteration.
  void update_time() {
    now_ = handlers_clock_ = clock_.now();
    completions_->set_looked_for(true, std::memory_order_relaxed);
  }
  // Handles an event, from update_time() to the end of its iteration. Not within another event.
  template <typename Task>
  void handle_event(const char* what, const Task& task);
  TimePoint now() const { return now_; }

  // Start time of the next handler on this thread: the start of the iteration, or the end of the last
  // handler, so that the clock is read once for each. The time to read its message counts as the handler's.
  TimePoint handler_begins() const { return handlers_clock_; }
  TimePoint handler_ended() { return handlers_clock_ = clock_.now(); }

  // Runs `task` at the end of the iteration. A task that is deferred in its own phase, or after it, runs in
  // the next iteration, so that other events are served. Neither this nor the next two throw.
  void defer(DeferredTask& task, Phase phase = Phase::replies) {
    if (task.linked()) return;
    deferred_in(phase).push_back(task);
    post_iteration_end();
  }
  // Runs `task` in Phase::replies of this iteration, even if that phase runs already. The task must not defer
  // itself again.
  void defer_late(DeferredTask& task);
  // Runs `task` at the end of every iteration, last. Before run(); outlives the loop's run.
  void after_each_iteration(DeferredTask& task) { after_each_ = &task; }

  // Begins a time slice for the current work.
  void begin_slice() {
    slice_began_ = now_;
    slice_used_ = std::chrono::nanoseconds(0);
    slice_units_ = 0;
  }
  // Counts units of work. True if the slice is used up. Reads the clock every kUnitsPerLook units.
  bool slice_over(std::size_t units) {
    slice_units_ += units;
    return slice_units_ >= kUnitsPerLook && look_at_slice();
  }
  // Duration of the slice, as far as the clock was read; zero for a short one.
  std::chrono::nanoseconds slice_used() const { return slice_used_; }
  // Continues `work` in a slice of its own, after other events. Does not throw.
  void postpone(SlicedWork& work) { sliced_.push(work, now_); }
  // Shares of this thread's time between peers.
  SliceQueue& slices() { return sliced_; }
  // Measures work for many peers that is too short to be timed singly, for SliceQueue::observe_small().
  SmallWorkTimer time_small_work() { return {sliced_, clock_}; }
  // Whether the last event-loop iteration took longer than kIterationTime, or left work behind.
  bool contended() const { return contended_ || !sliced_.empty(); }

  void set_deadline(Deadline& deadline, TimePoint when);
  void clear_deadline(Deadline& deadline) { wheel_.clear(deadline); }

  // Source of completions. Call before run(); it outlives the loop's run.
  void drain_from(CompletionSource& source) { completions_ = &source; }
  // Has the loop drain completions; false if memory does not suffice. Thread-safe.
  bool try_post_drain();
  OutsideWork& outside_work() { return outside_work_; }
  // Whether the loop polls for events a while before it sleeps.
  void set_busy_poll(bool enabled) { busy_poll_ = enabled; }

  boost::asio::io_context& context() { return context_; }
  // Reports sockets in iterations of this thread.
  Poller& poller() { return poller_; }
  // Read buffer of sockets and pipes.
  ReadBatch& reads() { return reads_; }
  // As reads().space(); charges the time to process earlier reads.
  std::span<char> read_space() {
    if (reads_.full()) deal_reads();
    return reads_.space();
  }

 private:
  using TaskList = IntrusiveList<DeferredTask, DeferredTag>;
  struct NoCompletions final : CompletionSource {
    bool empty() const override { return true; }
    bool ready() const override { return false; }
    void drain() override {}
  };

  void run_events();
  void await_event();
  bool may_poll();
  bool poll_a_while();
  void take_completions();
  void watch_sockets();
  void serve_sockets();
  void deal_reads();
  void run_slices();
  bool look_at_slice();
  bool catch_up();
  void put_off();
  TaskList& deferred_in(Phase phase) { return deferred_[static_cast<std::size_t>(phase)]; }
  void post_iteration_end() {
    if (!iteration_end_posted_ && !in_event_) post_iteration_end_now();
  }
  void post_iteration_end_now();
  void end_iteration();
  void run_phase(Phase phase);
  void run_tasks(TaskList& tasks);
  void arm_timer();
  void on_timer();

  const std::string name_;
  const bool has_timer_;  // otherwise the time is virtual
  boost::asio::io_context context_{1};
  Poller poller_;
  boost::asio::posix::stream_descriptor sockets_;  // the poller, as an event source of context_
  bool watching_sockets_ = false;
  boost::asio::steady_timer timer_;
  QuickClock<LoopTime> clock_;
  TimePoint now_;
  TimePoint handlers_clock_;
  DeadlineWheel wheel_;
  TimePoint timer_at_ = TimePoint::max();  // what the timer is set to
  ReadBatch reads_;
  std::array<TaskList, kPhases> deferred_;
  TaskList deferred_late_;
  DeferredTask* after_each_ = nullptr;
  SliceQueue sliced_;
  TimePoint slice_began_;
  std::chrono::nanoseconds slice_used_{0};  // at the last reading of the clock
  std::size_t slice_units_ = 0;             // since then
  bool contended_ = false;
  bool in_event_ = false;
  bool ending_iteration_ = false;
  bool iteration_end_posted_ = false;
  NoCompletions no_completions_;
  CompletionSource* completions_ = &no_completions_;
  OutsideWork outside_work_;
  bool busy_poll_ = false;
  BusyPoll polls_for_events_;
  BusyPoll polls_for_completions_;
  bool behind_ = false;  // a wake-up failed, because memory did not suffice
  std::atomic<bool> stopping_{false};
  static inline thread_local const EventLoop* current_ = nullptr;
};

template <typename Task>
void EventLoop::handle_event(const char* what, const Task& task) {
  assert(!in_event_);
  update_time();
  in_event_ = true;
  shielded(what, task);
  in_event_ = false;
  end_iteration();
}

}  // namespace sluice::core
