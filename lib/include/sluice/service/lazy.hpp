// Lazy: a service that is created at its first use.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include <sluice/service/wait_limit.hpp>

namespace sluice {

// Creates a T at its first use and keeps it: one caller creates it, the others wait for that. Afterwards
// get() is one atomic read. Thread-safe. The T lives as long as the Lazy, which must not be destroyed while a
// thread is in get().
template <typename T>
class Lazy {
 public:
  // Creates the T, or returns an error. Called by one thread at a time and without a lock, with the limit of
  // its caller: it should give up at that limit. Must not get() the same Lazy.
  using Factory = std::function<Result<T>(const WaitLimit& limit)>;

  explicit Lazy(Factory factory) : factory_(std::move(factory)) {}
  Lazy(const Lazy&) = delete;
  Lazy& operator=(const Lazy&) = delete;

  // The T. If its creation fails, all callers that waited for it get its error, and the next caller tries
  // again. If it failed because of the creating caller's limit, one of the waiting callers tries again at
  // once. Past its own limit a caller gets WaitLimit::error(). An exception leaves the get() that created; in
  // waiting ones it becomes a std::runtime_error.
  Result<T*> get(const WaitLimit& limit) {
    if (T* const made = peek()) return made;
    for (;;) {
      if (limit.over()) return limit.error();
      const std::optional<std::uint64_t> other = begin_or_join();
      std::optional<Result<T*>> outcome = other ? wait_for(*other, limit) : make(limit);
      if (outcome) return std::move(*outcome);
    }
  }

  // The T if it exists, else null. Never waits.
  T* peek() { return made_.load(std::memory_order_acquire); }

 private:
  // Kind of a failed attempt: for a reason of its caller only, with an error, or by an exception.
  using Failure = std::variant<std::monostate, Error, std::string>;

  // The number of the attempt to wait for; nothing if the caller has to make the attempt.
  std::optional<std::uint64_t> begin_or_join() {
    const std::lock_guard lock(mutex_);
    if (making_ || peek() != nullptr) return attempt_;
    making_ = true;
    return std::nullopt;
  }

  // Nothing if the creating caller gave up for reasons of its own.
  std::optional<Result<T*>> wait_for(std::uint64_t attempt, const WaitLimit& limit) {
    std::unique_lock lock(mutex_);
    const bool ended = attempt_ended_.wait_until(lock, limit.stop, limit.deadline,
                                                 [&] { return attempt_ != attempt || peek() != nullptr; });
    if (T* const made = peek()) return made;
    if (!ended) return limit.error();
    // A later attempt may have failed meanwhile: its failure is returned as well.
    const Failure failure = failure_;
    lock.unlock();
    if (const Error* const error = std::get_if<Error>(&failure)) return *error;
    // A new exception: several threads would destroy a shared one in any order.
    if (const std::string* const text = std::get_if<std::string>(&failure)) throw std::runtime_error(*text);
    return std::nullopt;
  }

  std::optional<Result<T*>> make(const WaitLimit& limit) {
    try {
      Result<T> result = factory_(limit);
      if (!result.ok()) {
        end_attempt(limit.over() ? Failure() : Failure(result.error()));
        return std::move(result.error());
      }
      value_.emplace(std::move(result.value()));
    } catch (const std::exception& error) {
      end_attempt(limit.over() ? Failure() : text_of(error));
      throw;
    } catch (...) {
      end_attempt(std::string());
      throw;
    }
    made_.store(&*value_, std::memory_order_release);
    end_attempt({});
    return &*value_;
  }

  // The text, if there is memory for it.
  static Failure text_of(const std::exception& error) {
    try {
      return std::string(error.what());
    } catch (const std::bad_alloc&) {
      return std::string();
    }
  }

  void end_attempt(Failure failure) {
    const std::lock_guard lock(mutex_);
    failure_.swap(failure);
    making_ = false;
    ++attempt_;
    attempt_ended_.notify_all();
  }

  const Factory factory_;
  std::mutex mutex_;
  std::condition_variable_any attempt_ended_;
  bool making_ = false;
  std::uint64_t attempt_ = 0;
  Failure failure_;         // of the last ended attempt
  std::optional<T> value_;  // only the creating thread uses it, until made_ points to it
  std::atomic<T*> made_{nullptr};
};

}  // namespace sluice
