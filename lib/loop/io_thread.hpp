// One event loop and its thread: what all connections that live on it share.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lib/base/buffer_pool.hpp"
#include "lib/base/intrusive_list.hpp"
#include "lib/base/mpsc_queue.hpp"
#include "lib/call/call_pool.hpp"
#include "lib/call/limits.hpp"
#include "lib/loop/busy_poll.hpp"
#include "lib/loop/poller.hpp"
#include "lib/loop/read_batch.hpp"
#include "lib/loop/slice_queue.hpp"
#include "lib/loop/small_work_timer.hpp"
#include "lib/loop/time_slice.hpp"
#include "lib/observe/metrics.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "lib/time/mean_time.hpp"
#include "lib/time/quick_clock.hpp"
#include "lib/worker/worker_dispatcher.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {

struct DeferredTag;

// Work that is put off to the end of the loop's iteration, so that what belongs together goes out together:
// all calls for a worker with one wake-up, all replies of a connection with one write.
class DeferredTask : public ListHook<DeferredTag> {
 public:
  virtual void on_deferred() = 0;

 protected:
  DeferredTask() = default;
  ~DeferredTask() { unlink(); }
};

// Confined to its own thread, except post(), complete() and the constructor's and start()'s caller
// before the thread runs. Everything on it is destroyed after join().
class IoThread final : public CallHome {
 public:
  // `index` tells I/O threads apart; `name` is what the system and the log call this one.
  IoThread(std::size_t index, std::string name, const Limits& limits, WorkerPool& pool,
           MetricsShard& metrics);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void start();
  void stop_and_join();
  // Whether the thread was started. The starting thread only.
  bool running() const { return thread_.joinable(); }
  // Whether this is called on it. Any thread.
  bool here() const { return current_ == this; }

  // Runs `task` on this thread, in the order of posting. Thread-safe.
  void post(std::function<void()> task);

  // The handler of an event calls this first: takes the time for this iteration.
  void update_time() {
    now_ = handlers_clock_ = clock_.now();
    looks_for_completions_.store(true, std::memory_order_relaxed);
  }
  // Handles an event of the event loop's, from update_time() to the end of its iteration. Not within another.
  template <typename Task>
  void handle_event(const char* what, const Task& task);
  TimePoint now() const { return now_; }

  // When the handler that is to run on this thread begins: with the iteration, or where the last one ended,
  // so that the clock is read once for each. What the message took to be read counts as the handler's.
  TimePoint handler_begins() const { return handlers_clock_; }
  TimePoint handler_ended() { return handlers_clock_ = clock_.now(); }

  // Neither this nor what follows throws.
  void defer(DeferredTask& work) {
    if (work.linked()) return;
    deferred_.push_back(work);
    post_iteration_end();
  }
  // The same, before all else that has asked for it so far.
  void defer_first(DeferredTask& work);
  // The same, but for what asks for no more of it: in this iteration even where its end has begun.
  void defer_late(DeferredTask& work);

  // Begins a time slice for what is dealt with now.
  void begin_slice() {
    slice_began_ = now_;
    slice_used_ = std::chrono::nanoseconds(0);
    slice_units_ = 0;
  }
  // Counts units of work, and tells whether the slice is used up. Reads the clock every kUnitsPerLook units.
  bool slice_over(std::size_t units) {
    slice_units_ += units;
    return slice_units_ >= kUnitsPerLook && look_at_slice();
  }
  // How long the slice has lasted, as far as the clock was read; zero for a short one.
  std::chrono::nanoseconds slice_used() const { return slice_used_; }
  // Continues `work` in a slice of its own, after other events. Does not throw.
  void postpone(SlicedWork& work) { sliced_.push(work, now_); }
  // Shares of this thread's time between peers.
  SliceQueue& slices() { return sliced_; }
  // Whether the last event-loop iteration took longer than kIterationTime, or left work behind.
  bool contended() const { return contended_ || !sliced_.empty(); }

  void set_deadline(Deadline& deadline, TimePoint when);
  void clear_deadline(Deadline& deadline) { wheel_.clear(deadline); }

  // Whether there are more workers than calls of this thread that have been handed over.
  bool workers_free() const { return pooled_ < pool_.size(); }
  // Counts a call to a worker, which takes about `run_time` (zero: not known); WorkerPool::kNone if there is
  // no room.
  std::size_t reserve_worker(std::chrono::nanoseconds run_time) {
    return worker_dispatcher_.reserve(run_time, now_);
  }
  // Takes back one that is not to be staged.
  void unreserve_worker(std::size_t worker) { worker_dispatcher_.unreserve(worker); }
  // Hands a call for which a worker has been reserved to it at the end of the iteration.
  void stage(ActiveCall& call);
  // Whether a call that was staged has not begun.
  bool waits(const ActiveCall& call) { return worker_dispatcher_.staged(call) || pool_.waiting(call); }
  // Takes back a staged call that no worker has begun.
  bool withdraw(ActiveCall& call);

  // A worker or a backend has ended a call. Thread-safe; on this thread it costs no wake-up, and is dealt
  // with before anything else at the iteration's end.
  bool complete(ActiveCall& call) override;
  // Workers wait while long replies of kCompletedBytesMax may lie there: they compose replies many times
  // faster than this thread takes them where it has to share its processor. While some wait, half of that
  // room is theirs. Thread-safe.
  void await_room(ActiveCall& call) override;
  // Of long replies of completed calls that have not been drained. Any thread.
  std::size_t completed_bytes() const { return completed_bytes_.load(std::memory_order_relaxed); }
  static constexpr std::size_t kCompletedBytesMax = 2 * 1024 * 1024;
  static constexpr std::size_t kCompletedReplyBytesMin = 64 * 1024;  // of a reply that counts
  static constexpr auto kRoomWaitMax = std::chrono::milliseconds(100);
  // Deals with all calls that are completed so far. Within an iteration.
  void drain_completions();
  // What to do with such calls. Set before start().
  void on_completed(std::function<void(ActiveCall&)> handler) { on_completed_ = std::move(handler); }

  boost::asio::io_context& context() { return context_; }
  // Tells of sockets in iterations of this thread.
  Poller& poller() { return poller_; }
  std::size_t index() const { return index_; }
  const std::string& name() const { return name_; }
  MetricsShard& metrics() { return metrics_; }
  WorkerPool& pool() { return pool_; }
  CallPool& calls() { return calls_; }
  BufferPool& buffers() { return buffers_; }
  // Where sockets and the like are read into.
  ReadBatch& reads() { return reads_; }
  // As reads().space(); the time of what is dealt with is charged.
  std::span<char> read_space() {
    if (reads_.full()) deal_reads();
    return reads_.space();
  }
  Limits limits;  // this thread's copy
  void set_limits(const Limits& changed) {
    limits = changed;
    ++limits_version_;
  }
  // Changes with each set_limits().
  std::uint32_t limits_version() const { return limits_version_; }

 private:
  void run();
  void run_events();
  void await_event();
  bool may_poll();
  bool poll_a_while();
  void watch_sockets();
  void serve_sockets();
  void deal_reads();
  void run_slices();
  bool look_at_slice();
  bool catch_up();
  void put_off();
  void post_iteration_end() {
    if (!iteration_end_posted_ && !in_event_) post_iteration_end_now();
  }
  void post_iteration_end_now();
  void end_iteration();
  void submit_calls();
  bool try_post_completions();
  void take_completions();
  void release_reply_bytes(ActiveCall& call);
  void arm_timer();
  void on_timer();

  std::uint32_t limits_version_ = 0;
  const std::size_t index_;
  const std::string name_;  // of at most 15 bytes
  BufferPool buffers_;
  CallPool calls_{buffers_};  // outlives the event loop, whose coroutines use calls to their end
  boost::asio::io_context context_{1};
  Poller poller_;
  boost::asio::posix::stream_descriptor sockets_;  // what the event loop knows of the poller
  bool watching_sockets_ = false;
  boost::asio::steady_timer timer_;
  DeadlineWheel wheel_;
  QuickClock<> clock_;
  TimePoint now_;
  TimePoint handlers_clock_;
  TimePoint timer_at_ = TimePoint::max();  // what the timer is set to
  WorkerPool& pool_;
  MetricsShard& metrics_;
  ReadBatch reads_;
  IntrusiveList<DeferredTask, DeferredTag> deferred_;
  IntrusiveList<DeferredTask, DeferredTag> deferred_late_;
  SliceQueue sliced_;
  TimePoint slice_began_;
  std::chrono::nanoseconds slice_used_{0};  // when the clock was last read in the slice
  std::size_t slice_units_ = 0;             // since then
  bool contended_ = false;
  bool in_event_ = false;
  bool ending_iteration_ = false;
  bool iteration_end_posted_ = false;
  struct LongBuffersRelease final : Deadline {
    explicit LongBuffersRelease(IoThread& thread) : io(thread) {}
    void on_deadline(TimePoint now) override;
    IoThread& io;
  };
  LongBuffersRelease long_buffers_release_{*this};
  WorkerDispatcher worker_dispatcher_;
  struct WorkerCheck final : Deadline {
    explicit WorkerCheck(IoThread& thread) : io(thread) {}
    void on_deadline(TimePoint now) override;
    IoThread& io;
  };
  WorkerCheck worker_check_{*this};
  static inline thread_local const IoThread* current_ = nullptr;
  MpscQueue<ActiveCall, &ActiveCall::next_completed> completions_;
  std::atomic<std::size_t> completed_bytes_{0};
  std::atomic<int> awaiting_room_{0};  // workers
  bool completed_here_ = false;        // some of them by this thread, which has not posted for them
  // Whether this thread looks for them before it sleeps, and need not be woken.
  std::atomic<bool> looks_for_completions_{false};
  std::function<void(ActiveCall&)> on_completed_;
  BusyPoll polls_for_clients_;
  BusyPoll polls_for_workers_;
  std::size_t pooled_ = 0;       // calls that workers have of this thread, or that are staged
  MeanTime pooled_run_time_;     // of such calls
  std::uint64_t completed_ = 0;  // of them, so far
  bool behind_ = false;          // memory did not suffice to be woken for something
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// Nothing that runs on an I/O thread throws but for want of memory; that must cost one connection or call,
// not what happens to be dealt with in the same iteration.
void log_failure(const char* what, const std::exception& exception);
template <typename Task>
void shielded(const char* what, const Task& task) {
  try {
    task();
  } catch (const std::exception& exception) {
    log_failure(what, exception);
  }
}

template <typename Task>
void IoThread::handle_event(const char* what, const Task& task) {
  assert(!in_event_);
  update_time();
  in_event_ = true;
  shielded(what, task);
  in_event_ = false;
  end_iteration();
}

inline constexpr auto kControlTime = std::chrono::seconds(30);  // for an I/O thread to do what it is told

// Runs `task` on the thread and waits for it, but no longer than until `until`. True at once where the
// thread was never started.
bool run_and_wait(IoThread& thread, TimePoint until, std::function<void()> task);

}  // namespace sluice::core
