// Passing values from one thread to another, one at a time.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

// A channel with room for one value, between one thread that puts and one that takes.
template <typename T>
class Handover {
 public:
  // Waits until there is room. False, and the value dropped, if it was stopped before.
  bool put(T value, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return !value_; })) return false;
    value_ = std::move(value);
    changed_.notify_all();
    return true;
  }

  // Waits for a value. Nothing if it was stopped before one came.
  std::optional<T> take(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return value_.has_value(); })) return std::nullopt;
    changed_.notify_all();
    return std::exchange(value_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<T> value_;
};
