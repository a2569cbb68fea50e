#include "lib/server/memory_release.hpp"

#include <chrono>

#include <malloc.h>
#include <pthread.h>

namespace sluice::core {
namespace {

// Between what was asked for and the first round, and between rounds: buffers are kept for a few seconds.
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

void MemoryRelease::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait(lock, [this] { return stopping_ || rounds_ > 0; });
    if (wake_.wait_for(lock, kPause, [this] { return stopping_; })) return;
    --rounds_;
    lock.unlock();
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
    lock.lock();
  }
}

}  // namespace sluice::core
