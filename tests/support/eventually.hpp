// Waiting for what other threads do, without sleeping for a guessed time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::testing {

// The time that a test waits for an event that must happen. It passes in full only if the test fails.
inline constexpr std::chrono::milliseconds kWaitMax = std::chrono::seconds(30);

// Whether `check` becomes true within `limit`.
template <typename Check>
bool eventually(std::chrono::milliseconds limit, Check check) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!check()) {
    if (std::chrono::steady_clock::now() >= until) return check();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

template <typename Check>
bool eventually(Check check) {
  return eventually(kWaitMax, check);
}

// Opens once, for all who wait. Thread-safe; at its end it opens, and waits for those that wait to leave: a
// drained server does not join a worker whose handler hangs.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    std::unique_lock lock(mutex_);
    open_ = true;
    wake_.notify_all();
    left_.wait(lock, [this] { return waiting_ == 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    wake_.notify_all();
  }
  // False if it has not opened within `limit`.
  bool wait(std::chrono::milliseconds limit = kWaitMax) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    const bool opened = wake_.wait_for(lock, limit, [this] { return open_; });
    if (--waiting_ == 0) left_.notify_all();
    return opened;
  }
  bool is_open() {
    const std::lock_guard lock(mutex_);
    return open_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable left_;
  int waiting_ = 0;  // threads in wait()
  bool open_ = false;
};

// Opens a gate at the end of a scope, so that a failing test does not leave handlers waiting.
class OpenAtEnd {
 public:
  explicit OpenAtEnd(Gate& gate) : gate_(gate) {}
  OpenAtEnd(const OpenAtEnd&) = delete;
  OpenAtEnd& operator=(const OpenAtEnd&) = delete;
  ~OpenAtEnd() { gate_.open(); }

 private:
  Gate& gate_;
};

// For what a detached thread may still look at: it is never destroyed, and no leak.
inline void keep_for_ever(std::shared_ptr<void> object) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<void>>;
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(object));
}

}  // namespace sluice::testing
