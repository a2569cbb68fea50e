#include "lib/include/sluice/service/fan_out.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>

namespace sluice::detail {
namespace {

using Step = std::function<std::optional<Error>(std::size_t, const std::stop_token&)>;

// One fan_out, shared by the calling thread and its helpers. Helpers that start after its end find it closed,
// and touch nothing of the caller's.
class FanOut {
 public:
  FanOut(std::size_t count, const WaitLimit& limit, const Step& step)
      : count_(count), limit_(limit), step_(step) {}

  // Helps, unless it is over already.
  void help() {
    if (!enter()) return;
    run_steps();
    leave();
  }

  // Works until no step is left to begin, and waits for the running helpers.
  std::optional<Error> run() {
    const std::stop_callback forward(limit_.stop, [this] { stop_.request_stop(); });
    run_steps();
    close();
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
    return std::exchange(error_, std::nullopt);
  }

 private:
  void run_steps() noexcept {
    while (!over()) {
      const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (index >= count_) return;
      run_step(index);
    }
  }

  // Sets the error if the limit ends it.
  bool over() noexcept {
    if (next_.load(std::memory_order_relaxed) >= count_) return true;
    if (!stop_.stop_requested() && !limit_.over()) return false;
    try {
      fail(limit_.error(), nullptr);
    } catch (...) {
      fail(std::nullopt, std::current_exception());
    }
    return true;
  }

  void run_step(std::size_t index) noexcept {
    std::optional<Error> error;
    std::exception_ptr exception;
    try {
      error = step_(index, stop_.get_token());
    } catch (...) {
      exception = std::current_exception();
    }
    // Passed on after this thread has released the exception: the caller destroys it.
    if (error || exception) fail(std::move(error), std::move(exception));
  }

  void fail(std::optional<Error> error, std::exception_ptr exception) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (!error_ && !exception_) {
        error_.swap(error);
        exception_.swap(exception);
      }
    }
    stop_.request_stop();
  }

  bool enter() {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    ++helping_;
    return true;
  }

  void leave() {
    const std::lock_guard lock(mutex_);
    if (--helping_ == 0) left_.notify_all();
  }

  // Bounded only by the steps: running helpers use objects of the caller.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    left_.wait(lock, [this] { return helping_ == 0; });
  }

  const std::size_t count_;
  const WaitLimit& limit_;  // owned by the caller, as the step is
  const Step& step_;
  std::stop_source stop_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::condition_variable left_;
  bool closed_ = false;
  std::size_t helping_ = 0;
  std::optional<Error> error_;
  std::exception_ptr exception_;
};

// Posts as many helpers as there is room and memory for. Once one is posted, only the end of run() may end
// this.
void call_helpers(TaskPool& helpers, std::size_t width, const std::shared_ptr<FanOut>& run) noexcept {
  try {
    for (std::size_t helper = 1; helper < width; ++helper) {
      if (!helpers.try_post([run](const std::stop_token&) { run->help(); })) return;
    }
  } catch (const std::exception&) {
  }
}

}  // namespace

std::optional<Error> fan_out_steps(TaskPool& helpers, std::size_t count, std::size_t width,
                                   const WaitLimit& limit, const Step& step) {
  const auto run = std::make_shared<FanOut>(count, limit, step);
  call_helpers(helpers, std::min({width, count, helpers.threads() + 1}), run);
  return run->run();
}

}  // namespace sluice::detail
