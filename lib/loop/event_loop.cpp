#include "lib/loop/event_loop.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include <fcntl.h>
#include <boost/asio/post.hpp>

#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"

namespace sluice::core {

namespace {

// While this many sockets are ready at once, they are polled again before the event loop, which costs three
// system calls a time. The number of such polls and their time are bounded, so that other events are served.
constexpr std::size_t kBusySockets = 16;
constexpr int kBusyRounds = 4;
constexpr auto kBusyTime = std::chrono::microseconds(100);
// Ready sockets between two readings of the clock.
constexpr int kEventsPerLook = 8;
// Events of the event loop (posts, timers, acceptance, sockets) between two rounds of postponed work.
constexpr int kEventsPerRound = 16;

}  // namespace

void log_failure(const char* what, const std::exception& exception) {
  static RareLine line(std::chrono::seconds(1));
  line.log(spdlog::level::err, Clock::now(),
           [&] { return fmt::format("{} failed: {}", what, exception.what()); });
}

EventLoop::EventLoop(std::string name, LoopTime time)
    : name_(std::move(name)),
      has_timer_(!time.is_virtual()),
      sockets_(context_, ::fcntl(poller_.descriptor(), F_DUPFD_CLOEXEC, 0)),
      timer_(context_),
      clock_(time),
      now_(time.now()),
      handlers_clock_(now_),
      wheel_(now_) {}

void EventLoop::post(std::function<void()> task) {
  boost::asio::post(context_, [this, task = std::move(task)] { handle_event("a task", task); });
}

bool EventLoop::try_post_drain() {
  try {
    boost::asio::post(context_, [this] { take_completions(); });
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void EventLoop::take_completions() {
  handle_event("completions", [this] { completions_->drain(); });
}

// --- Sockets and postponed work

void EventLoop::watch_sockets() {
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

void EventLoop::deal_reads() {
  reads_.deal();
  if (sliced_.charges()) sliced_.end(clock_.now());
}

void EventLoop::serve_sockets() {
  const TimePoint began = clock_.now();
  const TimePoint until = began + kBusyTime;
  std::size_t ready = kBusySockets;
  for (int rounds = 0; rounds < kBusyRounds && ready >= kBusySockets && now_ < until; ++rounds) {
    ready = 0;
    handle_event("a socket", [&] {
      // The bytes that were read have left the kernel: they are processed even if another socket's event
      // fails.
      const TimePoint over = now_ + kIterationTime;
      // Reading updates the iteration's time; ended sockets do not.
      int reported = 0;
      const auto stop = [&] { return (++reported % kEventsPerLook == 0 ? clock_.now() : now_) >= over; };
      const SmallWorkTimer reading = time_small_work();
      shielded("a socket", [&] { ready = poller_.dispatch(stop); });
      const auto read = reading.took();
      deal_reads();
      sliced_.observe_small(SmallWork::read, read);
    });
  }
  contended_ = now_ - began >= kIterationTime;
  watch_sockets();
}

// A single source may use the whole of kIterationTime; several share it.
bool EventLoop::look_at_slice() {
  slice_used_ = clock_.now() - slice_began_;
  if (slice_used_ >= kSliceTime) {
    const auto sources = static_cast<std::int64_t>(std::max<std::size_t>(1, reads_.count()));
    // Also for further calls in the same slice.
    if (contended() || slice_used_ >= kIterationTime / sources) return true;
  }
  slice_units_ = 0;
  return false;
}

// Serves ready sockets, then postponed work for about kIterationTime.
void EventLoop::run_slices() {
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
      const TimePoint began = now_;  // the work may change it
      work->on_slice();
      ended = clock_.now();
      sliced_.end_popped(ended, ended - began);
    } while (ended < round_over);
  });
}

// --- The end of an iteration

void EventLoop::defer_late(DeferredTask& task) {
  if (!ending_iteration_) return defer(task);
  if (!task.linked()) deferred_late_.push_back(task);
}

void EventLoop::post_iteration_end_now() {
  try {
    boost::asio::post(context_, [this] { iteration_end_posted_ = false, end_iteration(); });
    iteration_end_posted_ = true;
  } catch (const std::bad_alloc&) {
    put_off();
  }
}

[[gnu::always_inline]] inline void EventLoop::run_tasks(TaskList& tasks) {
  while (DeferredTask* const task = tasks.pop_front()) {
    shielded("an iteration's end", [task] { task->on_deferred(); });
  }
}

[[gnu::always_inline]] inline void EventLoop::run_phase(Phase phase) {
  if (deferred_in(phase).empty()) return;
  TaskList due;
  due.take_all(deferred_in(phase));
  run_tasks(due);
}

void EventLoop::end_iteration() {
  update_time();
  in_event_ = true;  // work that these cause is written with the rest
  run_phase(Phase::completions);
  run_phase(Phase::submissions);
  in_event_ = false;
  // Tasks were deferred to these phases meanwhile: other events are served first.
  if (!deferred_in(Phase::completions).empty() || !deferred_in(Phase::submissions).empty())
    post_iteration_end();
  // Tasks that are added from here on wait for the next iteration, so that other events are served.
  TaskList due;
  due.take_all(deferred_in(Phase::permits));
  due.take_all(deferred_in(Phase::replies));
  begin_slice();
  ending_iteration_ = true;
  const SmallWorkTimer writing = time_small_work();
  run_tasks(due);
  run_tasks(deferred_late_);
  ending_iteration_ = false;
  sliced_.observe_small(SmallWork::write, writing.took());
  if (after_each_ != nullptr) after_each_->on_deferred();
}

// --- Deadlines

void EventLoop::set_deadline(Deadline& deadline, TimePoint when) {
  wheel_.set(deadline, when);
  // A timer is moved only to an earlier time. If it expires too early, it is set again.
  if (when < timer_at_) arm_timer();
}

void EventLoop::arm_timer() {
  const auto wake = wheel_.next_wake();
  timer_at_ = wake ? *wake : TimePoint::max();
  if (!wake || !has_timer_) return;
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

void EventLoop::on_timer() {
  timer_at_ = TimePoint::max();
  handle_event("a deadline", [this] {
    begin_slice();
    wheel_.advance(now_);
  });
  if (timer_at_ == TimePoint::max()) arm_timer();
}

}  // namespace sluice::core
