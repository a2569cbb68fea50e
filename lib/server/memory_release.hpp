// Memory release: returns free memory of the process to the system.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "lib/base/memory_budget.hpp"

namespace sluice::core {

// A thread that sleeps until there may be memory to return. Allocators keep freed memory between blocks in
// use. Finding it takes milliseconds, which threads with clients can't spare. While connections hold much,
// this has long blocks returned as they are freed.
class MemoryRelease {
 public:
  explicit MemoryRelease(const MemoryBudget& memory) : memory_(memory) {}
  ~MemoryRelease();
  MemoryRelease(const MemoryRelease&) = delete;
  MemoryRelease& operator=(const MemoryRelease&) = delete;

  void start();
  // Requests a release soon, and another one after unused buffers have been released. Any thread; costs
  // little if one is already requested.
  void request();
  // MemoryBudget::much_held() has changed. Any thread.
  void look();

 private:
  void run();

  const MemoryBudget& memory_;
  std::mutex mutex_;  // guards the following members
  std::condition_variable wake_;
  int rounds_ = 0;         // rounds left
  bool look_due_ = false;  // whether to check how much is held
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::core
