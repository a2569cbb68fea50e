#include "cli/bench_loop.hpp"

#include <sys/epoll.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/progress_bar.hpp"

namespace sluice::client {
namespace {

constexpr int kEventsPerIteration = 1024;
constexpr int kIssuesPerIteration = 4096;  // so that replies are read while catching up
constexpr int kSleepMax = 50;              // milliseconds; bounds how late the end is seen

double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Whether each connection is kept full, whatever the others do.
bool fills_each(const BenchOptions& options) { return !options.open_loop() && options.in_flight == 0; }

BenchWindow window_of(const BenchOptions& options, TimePoint start) {
  const TimePoint begin = start + options.warmup;
  return {begin, begin + options.duration, options.open_loop()};
}

}  // namespace

BenchLoop::BenchLoop(const BenchOptions& options, std::vector<BenchConnection> connections, TimePoint start)
    : options_(options),
      connections_(std::move(connections)),
      start_(start),
      window_(window_of(options, start)),
      tally_(window_),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      open_(connections_.size()) {
  for (BenchConnection& connection : connections_) watch(connection, EPOLL_CTL_ADD);
}

void BenchLoop::run() {
  TimePoint now = Clock::now();
  ProgressBar progress(now, window_.end);
  if (fills_each(options_)) {
    for (BenchConnection& connection : connections_) fill(connection);
  }
  for (; !is_over(now); now = Clock::now()) {
    measure_cpu(now);
    progress.update(now, tally_.answered);
    run_iteration(now);
  }
  measure_cpu(now);
  finish(now);
}

bool BenchLoop::is_over(TimePoint now) const {
  if (open_ == 0 || now >= window_.end + kGrace) return true;
  if (now < window_.end) return false;
  const bool waiting = options_.open_loop() && due_time(next_request_) < window_.end;
  return !waiting &&
         std::all_of(connections_.begin(), connections_.end(),
                     [](const BenchConnection& connection) { return connection.in_flight() == 0; });
}

void BenchLoop::run_iteration(TimePoint now) {
  if (options_.open_loop()) issue_due(now);
  if (options_.in_flight > 0) issue_in_turn(now);
  write_issued();
  std::array<epoll_event, kEventsPerIteration> events;
  const int count =
      epoll_wait(epoll_.get(), events.data(), kEventsPerIteration, options_.open_loop() ? 0 : kSleepMax);
  for (int i = 0; i < count; ++i) {
    serve(*static_cast<BenchConnection*>(events[static_cast<std::size_t>(i)].data.ptr),
          events[static_cast<std::size_t>(i)].events);
  }
}

// Closed loop: as many as the depth allows. A buffer that holds fewer is written and
// filled again.
void BenchLoop::fill(BenchConnection& connection) {
  const TimePoint now = Clock::now();
  while (connection.is_open() && connection.can_issue() && now < window_.end) {
    for (; connection.can_issue(); ++tally_.sent) connection.issue(now);
    flush(connection);
  }
}

TimePoint BenchLoop::due_time(std::uint64_t request) const {
  return start_ + std::chrono::nanoseconds(std::llround(static_cast<double>(request) * 1e9 / options_.rate));
}

void BenchLoop::issue_due(TimePoint now) {
  for (int i = 0; i < kIssuesPerIteration; ++i) {
    const TimePoint due = due_time(next_request_);
    if (due > now || due >= window_.end) return;
    BenchConnection* const connection = next_with_room();
    if (connection == nullptr) return;
    connection->issue(due);
    issued_.push_back(connection);
    ++next_request_;
    ++tally_.sent;
  }
}

void BenchLoop::issue_in_turn(TimePoint now) {
  const auto wanted = static_cast<std::uint64_t>(options_.in_flight);
  while (now < window_.end && tally_.sent - tally_.answered - tally_.unanswered < wanted) {
    BenchConnection* const connection = next_with_room();
    if (connection == nullptr) return;
    connection->issue(now);
    issued_.push_back(connection);
    ++tally_.sent;
  }
}

BenchConnection* BenchLoop::next_with_room() {
  for (std::size_t tried = 0; tried < connections_.size(); ++tried) {
    BenchConnection& connection = connections_[next_connection_];
    next_connection_ = next_connection_ + 1 == connections_.size() ? 0 : next_connection_ + 1;
    if (connection.is_open() && connection.can_issue()) return &connection;
  }
  return nullptr;
}

void BenchLoop::write_issued() {
  for (BenchConnection* const connection : issued_) {
    if (connection->is_open() && connection->has_unwritten()) flush(*connection);
  }
  issued_.clear();
}

void BenchLoop::serve(BenchConnection& connection, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush(connection);
  if (connection.is_open() && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 &&
      !connection.receive(tally_)) {
    lose(connection);
  }
  if (fills_each(options_)) fill(connection);
}

void BenchLoop::flush(BenchConnection& connection) {
  const bool waited = connection.is_waiting();
  if (!connection.flush()) return lose(connection);
  if (connection.has_unwritten() != waited) {
    connection.set_waiting(!waited);
    watch(connection, EPOLL_CTL_MOD);
  }
}

void BenchLoop::watch(BenchConnection& connection, int operation) {
  epoll_event event{};
  event.events = EPOLLIN | (connection.is_waiting() ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
  event.data.ptr = &connection;
  epoll_ctl(epoll_.get(), operation, connection.fd(), &event);
}

void BenchLoop::lose(BenchConnection& connection) {
  connection.give_up(tally_, Clock::now());
  connection.close();
  ++tally_.connections_lost;
  --open_;
}

void BenchLoop::measure_cpu(TimePoint now) {
  if (cpu_at_begin_ < 0 && now >= window_.begin) cpu_at_begin_ = thread_cpu_seconds();
  if (cpu_share_ < 0 && now >= window_.end) {
    cpu_share_ =
        (thread_cpu_seconds() - cpu_at_begin_) / std::chrono::duration<double>(options_.duration).count();
  }
}

void BenchLoop::finish(TimePoint now) {
  measured_ = std::max(std::chrono::nanoseconds(0), std::min(now, window_.end) - window_.begin);
  for (BenchConnection& connection : connections_) connection.give_up(tally_, now);
  if (!options_.open_loop()) return;
  for (TimePoint due; (due = due_time(next_request_)) < std::min(window_.end, now); ++next_request_) {
    ++tally_.unsent;
    tally_.add_unanswered(due, now);
  }
}

}  // namespace sluice::client
