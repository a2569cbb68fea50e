// Gives memory that is free within the process back to the system.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "lib/base/memory_budget.hpp"

namespace sluice::core {

// A thread that sleeps until there may be something to give back. An allocator keeps what is freed amid what
// is in use; finding that takes milliseconds, for which no thread with clients has the time. While
// connections hold much, it has long blocks go back as they are freed.
class MemoryRelease {
 public:
  explicit MemoryRelease(const MemoryBudget& memory) : memory_(memory) {}
  ~MemoryRelease();
  MemoryRelease(const MemoryRelease&) = delete;
  MemoryRelease& operator=(const MemoryRelease&) = delete;

  void start();
  // Soon, and once more when buffers that nobody uses have been let go of. Any thread; costs little where it
  // was asked for already.
  void request();
  // MemoryBudget::much_held() has changed. Any thread.
  void look();

 private:
  void run();

  const MemoryBudget& memory_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  int rounds_ = 0;         // still to be made
  bool look_due_ = false;  // at what is held
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::core
