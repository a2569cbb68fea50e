#include "daemon/control_thread.hpp"

#include <cassert>
#include <system_error>
#include <utility>

namespace sluice::daemon {

ControlThread::ControlThread(SignalQueue& signals) : signals_(signals) {
  try {
    thread_ = std::thread([this] { loop(); });
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), "can't create the control thread");
  }
}

ControlThread::~ControlThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ControlThread::run(Task task) {
  {
    const std::lock_guard lock(mutex_);
    assert(!busy_);
    task_ = std::move(task);
    busy_ = true;
    stop_ = std::stop_source();
  }
  changed_.notify_one();
}

bool ControlThread::busy() const {
  const std::lock_guard lock(mutex_);
  return busy_;
}

void ControlThread::interrupt() { stop_.request_stop(); }

void ControlThread::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return task_ || ending_; });
    if (!task_) return;
    Task task = std::exchange(task_, nullptr);
    const std::stop_token stop = stop_.get_token();
    lock.unlock();
    task(stop);
    task = nullptr;
    lock.lock();
    busy_ = false;
    signals_.wake();
  }
}

}  // namespace sluice::daemon
