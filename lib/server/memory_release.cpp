#include "lib/server/memory_release.hpp"

#include <malloc.h>
#include <pthread.h>

#include <chrono>
#include <optional>
#include <utility>

#include "lib/base/heap_limits.hpp"

namespace sluice::core {
namespace {

using Clock = std::chrono::steady_clock;

// Between a request and the first round, and between rounds: buffers are kept for a few seconds.
constexpr auto kPause = std::chrono::milliseconds(2500);
constexpr int kRounds = 3;

}  // namespace

MemoryRelease::~MemoryRelease() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void MemoryRelease::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "memory");
    run();
  });
}

void MemoryRelease::request() {
  {
    const std::lock_guard lock(mutex_);
    const bool asked = rounds_ > 0;
    rounds_ = kRounds;
    if (asked) return;
  }
  wake_.notify_one();
}

void MemoryRelease::look() {
  {
    const std::lock_guard lock(mutex_);
    look_due_ = true;
  }
  wake_.notify_one();
}

void MemoryRelease::run() {
  std::unique_lock lock(mutex_);
  std::optional<Clock::time_point> round;  // when the next round is due
  while (!stopping_) {
    const auto called = [&] { return stopping_ || look_due_ || (!round && rounds_ > 0); };
    if (round) {
      wake_.wait_until(lock, *round, called);
    } else {
      wake_.wait(lock, called);
    }
    if (stopping_) return;
    const bool looks = std::exchange(look_due_, false);
    const bool trims = round && Clock::now() >= *round;
    if (trims) {
      --rounds_;
      round.reset();
    }
    if (!round && rounds_ > 0) round = Clock::now() + kPause;
    lock.unlock();
    if (looks) keep_long_blocks_apart(memory_.much_held());
#ifdef __GLIBC__
    if (trims) ::malloc_trim(0);
#endif
    lock.lock();
  }
}

}  // namespace sluice::core
