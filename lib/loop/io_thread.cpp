#include "lib/loop/io_thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include <fcntl.h>
#include <pthread.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"

namespace sluice::core {

namespace {

// Of a call, where no other has told: few workers' calls take less, all things considered.
constexpr auto kRunTimeMin = std::chrono::nanoseconds(250);
// How long a long buffer is kept that nobody uses; up to twice that.
constexpr auto kLongBuffersKept = std::chrono::seconds(1);
constexpr auto kMemoryPause = std::chrono::milliseconds(1);  // until there may be memory again
// While so many sockets are ready at once, they are looked at again before the event loop is, which costs
// three system calls a time; but only so often, and for so long in all, so that its other events are
// served.
constexpr std::size_t kBusySockets = 16;
constexpr int kBusyRounds = 4;
constexpr auto kBusyTime = std::chrono::microseconds(100);
// Ready sockets between two looks at the clock.
constexpr int kEventsPerLook = 8;
// Events of the event loop (posts, timers, acceptance, sockets) between two rounds of postponed work.
constexpr int kEventsPerRound = 16;

}  // namespace

void log_failure(const char* what, const std::exception& exception) {
  static RareLine line(std::chrono::seconds(1));
  line.log(spdlog::level::err, Clock::now(),
           [&] { return fmt::format("{} failed: {}", what, exception.what()); });
}

IoThread::IoThread(std::size_t index, std::string name, const Limits& initial, WorkerPool& pool,
                   MetricsShard& metrics)
    : limits(initial),
      index_(index),
      name_(std::move(name)),
      sockets_(context_, ::fcntl(poller_.descriptor(), F_DUPFD_CLOEXEC, 0)),
      timer_(context_),
      wheel_(Clock::now()),
      now_(Clock::now()),
      handlers_clock_(now_),
      pool_(pool),
      metrics_(metrics),
      worker_dispatcher_(pool) {}

IoThread::~IoThread() { stop_and_join(); }

void IoThread::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), name_.c_str());
    run();
  });
}

void IoThread::run() {
  current_ = this;
  const auto work = boost::asio::make_work_guard(context_);
  // Nothing that runs here throws in ordinary operation; running out of memory for one event must not
  // end the process for all.
  for (;;) {
    // In this order: whoever stops this thread says so before it stops the loop.
    context_.restart();
    if (stopping_.load(std::memory_order_acquire)) return;
    try {
      if (catch_up()) {
        run_events();
        continue;
      }
      // Other events are dealt with meanwhile: they may be what frees memory.
      context_.restart();
      if (stopping_.load(std::memory_order_acquire)) return;
      looks_for_completions_.store(false, std::memory_order_seq_cst);
      context_.run_for(kMemoryPause);
    } catch (const std::exception& exception) {
      static RareLine line(std::chrono::seconds(1));
      line.log(spdlog::level::err, Clock::now(),
               [&] { return fmt::format("{}: an event failed: {}", name_, exception.what()); });
    }
  }
}

// As context_.run(), but for looking a little longer before it sleeps.
void IoThread::run_events() {
  while (!context_.stopped()) {
    if (!completions_.empty()) take_completions();
    if (!sliced_.empty()) {
      run_slices();
    } else if (!may_poll() || (context_.poll_one() == 0 && !poll_a_while())) {
      await_event();
    }
  }
}

// One source that is alone may use the whole of kIterationTime; several share it.
bool IoThread::look_at_slice() {
  slice_used_ = clock_.now() - slice_began_;
  if (slice_used_ >= kSliceTime) {
    const auto sources = static_cast<std::int64_t>(std::max<std::size_t>(1, reads_.count()));
    // And again, whenever this is asked in the same slice.
    if (contended() || slice_used_ >= kIterationTime / sources) return true;
  }
  slice_units_ = 0;
  return false;
}

// Serves what is ready, then postponed work for about kIterationTime.
void IoThread::run_slices() {
  const TimePoint until = clock_.now() + kIterationTime;
  for (int events = 0; events < kEventsPerRound && context_.poll_one() > 0; ++events) {
    if (clock_.now() >= until) break;
  }
  handle_event("postponed work", [this] {
    const TimePoint round_over = now_ + kIterationTime;
    TimePoint ended;
    do {
      SlicedWork* const work = sliced_.pop();
      if (work == nullptr) break;
      update_time();
      begin_slice();
      const TimePoint began = now_;  // which the work may move
      work->on_slice();
      ended = clock_.now();
      sliced_.end_popped(ended, ended - began);
    } while (ended < round_over);
  });
}

// Either this thread sees a completion, or the thread that completes the call sees that this one has to be
// woken (both are sequentially consistent).
void IoThread::await_event() {
  looks_for_completions_.store(false, std::memory_order_seq_cst);
  const bool may_sleep = completions_.empty();
  if (may_sleep) {
    context_.run_one();
    return;
  }
  looks_for_completions_.store(true, std::memory_order_relaxed);
  // Who is just pushing may wait for this processor.
  if (!completions_.ready()) std::this_thread::yield();
  context_.poll_one();
}

bool IoThread::may_poll() {
  if (!limits.busy_poll) return false;
  if (pooled_ == 0) return !polls_for_clients_.resting();
  const auto run_time = std::max<BusyPoll::Duration>(pooled_run_time_.approx(), kRunTimeMin);
  return !polls_for_workers_.resting() && run_time <= BusyPoll::kWorkMax / static_cast<std::int64_t>(pooled_);
}

// Whether an event came, which has been dealt with.
bool IoThread::poll_a_while() {
  const bool workers_run = pooled_ > 0;
  const std::uint64_t before = completed_;
  const TimePoint began = Clock::now();
  BusyPoll::Duration took{0};
  bool found = false;
  bool completed = false;
  while (!found && took < BusyPoll::kWindow && !context_.stopped()) {
    // A worker that has to share this processor would wait for the end of the window.
    if (workers_run) std::this_thread::yield();
    took = Clock::now() - began;
    completed = !completions_.empty();
    found = completed || context_.poll_one() > 0;
  }
  // What a worker took of the window was not lost. More was others', who wanted the processor.
  if (completed || completed_ != before) took = std::max(BusyPoll::Duration(0), took - BusyPoll::kWindow);
  (workers_run ? polls_for_workers_ : polls_for_clients_).looked(took);
  return found;
}

void IoThread::watch_sockets() {
  try {
    sockets_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [this](const boost::system::error_code& error) {
                          watching_sockets_ = false;
                          error ? put_off() : serve_sockets();
                        });
    watching_sockets_ = true;
  } catch (const std::bad_alloc&) {
    put_off();
  }
}

void IoThread::deal_reads() {
  reads_.deal();
  if (sliced_.charges()) sliced_.end(clock_.now());
}

void IoThread::serve_sockets() {
  const TimePoint began = clock_.now();
  const TimePoint until = began + kBusyTime;
  std::size_t ready = kBusySockets;
  for (int rounds = 0; rounds < kBusyRounds && ready >= kBusySockets && now_ < until; ++rounds) {
    ready = 0;
    handle_event("a socket", [&] {
      // What has been read is out of the kernel's hands: it is dealt with whatever became of the other
      // sockets.
      const TimePoint over = now_ + kIterationTime;
      // What is read sets the iteration's time; what has ended does not.
      int told = 0;
      const auto stop = [&] { return (++told % kEventsPerLook == 0 ? clock_.now() : now_) >= over; };
      const SmallWorkTimer reading(sliced_, clock_);
      shielded("a socket", [&] { ready = poller_.dispatch(stop); });
      const auto read = reading.took();
      deal_reads();
      sliced_.observe_small(SmallWork::read, read);
    });
  }
  contended_ = now_ - began >= kIterationTime;
  watch_sockets();
}

// Makes up for what memory did not suffice to be woken for. False if it still does not.
bool IoThread::catch_up() {
  behind_ = false;
  take_completions();
  if (!iteration_end_posted_ && (!worker_dispatcher_.empty() || completed_here_ || !deferred_.empty()))
    end_iteration();
  if (timer_at_ == TimePoint::max()) arm_timer();
  if (!watching_sockets_) watch_sockets();
  return !behind_;
}

// Leaves the loop, so that run() comes to catch_up().
void IoThread::put_off() {
  behind_ = true;
  context_.stop();
}

void IoThread::stop_and_join() {
  stopping_.store(true, std::memory_order_release);
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

void IoThread::post(std::function<void()> task) {
  boost::asio::post(context_, [this, task = std::move(task)] { handle_event("a task", task); });
}

void IoThread::defer_first(DeferredTask& work) {
  if (work.linked()) return;
  deferred_.push_front(work);
  post_iteration_end();
}

void IoThread::defer_late(DeferredTask& work) {
  if (!ending_iteration_) return defer(work);
  if (!work.linked()) deferred_late_.push_back(work);
}

void IoThread::post_iteration_end_now() {
  try {
    boost::asio::post(context_, [this] { iteration_end_posted_ = false, end_iteration(); });
    iteration_end_posted_ = true;
  } catch (const std::bad_alloc&) {
    put_off();
  }
}

void IoThread::end_iteration() {
  update_time();
  in_event_ = true;  // the replies to these are to go out with the rest
  if (std::exchange(completed_here_, false)) drain_completions();
  submit_calls();
  in_event_ = false;
  // What was completed or staged by draining others: other events are served first.
  if (completed_here_ || !worker_dispatcher_.empty()) post_iteration_end();
  // What is added meanwhile waits for the next iteration, so that other events are served.
  IntrusiveList<DeferredTask, DeferredTag> due;
  due.take_all(deferred_);
  begin_slice();
  ending_iteration_ = true;
  const SmallWorkTimer writing(sliced_, clock_);
  for (auto* const list : {&due, &deferred_late_}) {
    while (DeferredTask* const work = list->pop_front()) {
      shielded("an iteration's end", [work] { work->on_deferred(); });
    }
  }
  ending_iteration_ = false;
  sliced_.observe_small(SmallWork::write, writing.took());
  if ((buffers_.holds_much() || calls_.holds_much()) && !long_buffers_release_.linked()) {
    set_deadline(long_buffers_release_, now_ + kLongBuffersKept);
  }
}

void IoThread::LongBuffersRelease::on_deadline(TimePoint now) {
  io.buffers_.release_unused();
  io.calls_.release_unused();
  if (io.buffers_.holds_much() || io.calls_.holds_much()) io.set_deadline(*this, now + kLongBuffersKept);
}

void IoThread::stage(ActiveCall& call) {
  call.stage = ActiveCall::Stage::pooled;
  call.home = this;
  call.waits_since = now_;
  worker_dispatcher_.stage(call);
  ++pooled_;
  post_iteration_end();
}

void IoThread::submit_calls() {
  if (!worker_dispatcher_.push(now_)) return;
  if (worker_dispatcher_.idle_again()) {
    // Woken on this processor, they have done all by now. Their replies go with this iteration's.
    drain_completions();
  } else if (worker_dispatcher_.watching() && !worker_check_.linked()) {
    set_deadline(worker_check_, now_ + WorkerDispatcher::kCheckPause);
  }
}

void IoThread::WorkerCheck::on_deadline(TimePoint now) {
  io.worker_dispatcher_.check();
  if (io.worker_dispatcher_.watching()) io.set_deadline(*this, now + WorkerDispatcher::kCheckPause);
}

bool IoThread::withdraw(ActiveCall& call) {
  if (call.stage != ActiveCall::Stage::pooled) return false;
  if (worker_dispatcher_.staged(call)) {
    worker_dispatcher_.withdraw(call);
  } else if (!pool_.withdraw(call)) {
    return false;
  }
  --pooled_;
  return true;
}

void IoThread::set_deadline(Deadline& deadline, TimePoint when) {
  wheel_.set(deadline, when);
  // A timer is moved only to an earlier time; one that goes off too early finds nothing and is set anew.
  if (when < timer_at_) arm_timer();
}

void IoThread::arm_timer() {
  const auto wake = wheel_.next_wake();
  timer_at_ = wake ? *wake : TimePoint::max();
  if (!wake) return;
  try {
    timer_.expires_at(*wake);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) on_timer();
    });
  } catch (const std::bad_alloc&) {
    timer_at_ = TimePoint::max();
    put_off();
  }
}

void IoThread::on_timer() {
  timer_at_ = TimePoint::max();
  handle_event("a deadline", [this] {
    begin_slice();
    wheel_.advance(now_);
  });
  if (timer_at_ == TimePoint::max()) arm_timer();
}

bool run_and_wait(IoThread& thread, TimePoint until, std::function<void()> task) {
  struct Done {
    std::mutex mutex;
    std::condition_variable wake;
    bool done = false;
  };
  if (!thread.running()) return true;
  const auto state = std::make_shared<Done>();
  thread.post([state, task = std::move(task)] {
    if (task) task();
    const std::lock_guard lock(state->mutex);
    state->done = true;
    state->wake.notify_one();
  });
  std::unique_lock lock(state->mutex);
  return state->wake.wait_until(lock, until, [&] { return state->done; });
}

}  // namespace sluice::core
