// A service that is made when it is first needed.
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

// Makes a T at its first use and keeps it: one of the callers who need it makes it, the others wait for
// that. Once it is there, get() is one atomic read. Thread-safe. What get() gives lives as long as the Lazy,
// which must not be destroyed while a thread is in get().
template <typename T>
class Lazy {
 public:
  // Makes the T, or says why that failed. Called by one thread at a time and without a lock, with the limit
  // of the caller for whom it works: it should give up at that. Must not get() the same Lazy.
  using Factory = std::function<Result<T>(const WaitLimit& limit)>;

  explicit Lazy(Factory factory) : factory_(std::move(factory)) {}
  Lazy(const Lazy&) = delete;
  Lazy& operator=(const Lazy&) = delete;

  // The T. Where making it fails, everybody who waited for that gets its error, and the next caller tries
  // again; but where it failed past the maker's limit, one of those who waited tries again at once. Past its
  // own limit a caller gets WaitLimit::error(). An exception leaves through the get() that made; in those
  // that waited it is a std::runtime_error.
  Result<T*> get(const WaitLimit& limit) {
    if (T* const made = peek()) return made;
    for (;;) {
      if (limit.over()) return limit.error();
      const std::optional<std::uint64_t> other = begin_or_join();
      std::optional<Result<T*>> outcome = other ? wait_for(*other, limit) : make(limit);
      if (outcome) return std::move(*outcome);
    }
  }

  // The T if it has been made, else null. Never waits.
  T* peek() { return made_.load(std::memory_order_acquire); }

 private:
  // How an attempt failed: in a way that concerns its maker only, with an error, or by an exception.
  using Failure = std::variant<std::monostate, Error, std::string>;

  // The number of the attempt to wait for; none where it is the caller who has to make an attempt.
  std::optional<std::uint64_t> begin_or_join() {
    const std::lock_guard lock(mutex_);
    if (making_ || peek() != nullptr) return attempt_;
    making_ = true;
    return std::nullopt;
  }

  // Nothing where whoever made it gave up for reasons of its own.
  std::optional<Result<T*>> wait_for(std::uint64_t attempt, const WaitLimit& limit) {
    std::unique_lock lock(mutex_);
    const bool ended = attempt_ended_.wait_until(lock, limit.stop, limit.deadline,
                                                 [&] { return attempt_ != attempt || peek() != nullptr; });
    if (T* const made = peek()) return made;
    if (!ended) return limit.error();
    // A later attempt may have failed meanwhile: its failure is as good.
    const Failure failure = failure_;
    lock.unlock();
    if (const Error* const error = std::get_if<Error>(&failure)) return *error;
    // A new exception: one that several threads share would be destroyed by whichever is the last.
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
  Failure failure_;         // of the last attempt that ended
  std::optional<T> value_;  // touched by the one who makes it, until made_ points to it
  std::atomic<T*> made_{nullptr};
};

}  // namespace sluice
