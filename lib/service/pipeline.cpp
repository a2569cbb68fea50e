#include "lib/include/sluice/service/pipeline.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace sluice {

struct Pipeline::State {
  struct Forward {
    void operator()() { to.request_stop(); }
    std::stop_source to;
  };

  explicit State(const std::stop_token& outer) : forward(outer, Forward{stop}) {}

  void fail(std::optional<Error> error, std::exception_ptr exception) {
    {
      const std::lock_guard lock(mutex);
      if (!failed) {
        failed = true;
        failure_error.swap(error);
        failure_exception.swap(exception);
      }
    }
    // After the reason, so that the stop is not taken for one itself.
    stop.request_stop();
  }

  std::stop_source stop;
  std::stop_callback<Forward> forward;
  std::mutex mutex;
  bool failed = false;
  std::optional<Error> failure_error;
  std::exception_ptr failure_exception;
  std::vector<std::shared_ptr<void>> channels;
  std::vector<std::jthread> threads;  // last: joined before the channels are destroyed
};

Pipeline::Pipeline(const WaitLimit& limit)
    : state_(std::make_unique<State>(limit.stop)), limit_(limit.deadline, state_->stop.get_token()) {}

Pipeline::~Pipeline() {
  state_->stop.request_stop();
  // Before the destruction of anything that the threads use: they reach the state through this.
  state_->threads.clear();
}

void Pipeline::keep(std::shared_ptr<void> channel) { state_->channels.push_back(std::move(channel)); }

void Pipeline::start(std::size_t width, std::function<void()> body, std::function<void()> last) {
  width = std::max<std::size_t>(width, 1);
  const auto running = std::make_shared<std::atomic<std::size_t>>(width);
  const auto run = [this, running, body = std::move(body), last = std::move(last)] {
    std::exception_ptr exception;
    try {
      body();
    } catch (...) {
      exception = std::current_exception();
    }
    if (exception) fail(std::move(exception));
    // The thread that sees the last one end must also see all that they have done.
    if (running->fetch_sub(1, std::memory_order_acq_rel) == 1) last();
  };
  try {
    if (state_->threads.size() + width > kThreadsMax)
      throw std::length_error("a pipeline of too many threads");
    for (std::size_t i = 0; i < width; ++i) state_->threads.emplace_back(run);
  } catch (const std::exception&) {
    fail(std::current_exception());
    throw;
  }
}

bool Pipeline::going() {
  if (!limit_.over()) return true;
  fail_at_limit();
  return false;
}

void Pipeline::fail_at_limit() { fail(limit_.error()); }
void Pipeline::fail(Error error) { state_->fail(std::move(error), nullptr); }
void Pipeline::fail(std::exception_ptr exception) { state_->fail(std::nullopt, std::move(exception)); }

std::optional<Error> Pipeline::outcome() {
  const std::lock_guard lock(state_->mutex);
  if (state_->failure_exception) std::rethrow_exception(state_->failure_exception);
  return state_->failure_error;
}

}  // namespace sluice
