#include "lib/worker/io_thread.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include <pthread.h>

namespace sluice::core {

namespace {

// Unused long buffers are kept for this time, and up to twice as long.
constexpr auto kLongBuffersKept = std::chrono::seconds(1);

}  // namespace

IoThread::IoThread(std::size_t index, std::string name, const Limits& initial, WorkerPool& pool,
                   MetricsShard& metrics)
    : IoResources(index, initial, metrics), EventLoop(std::move(name)), workers_(*this, pool) {
  set_busy_poll(initial.busy_poll);
}

IoThread::~IoThread() { stop_and_join(); }

void IoThread::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), name().c_str());
    run();
  });
}

void IoThread::stop_and_join() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void IoThread::set_limits(const Limits& changed) {
  change_limits(changed);
  set_busy_poll(changed.busy_poll);
}

IoThread::MemoryTrim::MemoryTrim(IoThread& io) : io_(io) { io.after_each_iteration(*this); }

void IoThread::MemoryTrim::on_deferred() {
  if (io_.holds_much() && !Deadline::linked()) io_.set_deadline(*this, io_.now() + kLongBuffersKept);
}

void IoThread::MemoryTrim::on_deadline(TimePoint now) {
  io_.release_unused();
  if (io_.holds_much()) io_.set_deadline(*this, now + kLongBuffersKept);
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
