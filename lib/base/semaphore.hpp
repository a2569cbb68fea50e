// Semaphore: one thread sleeps, another wakes it.
#pragma once

#include <cerrno>

#include <semaphore.h>

namespace sluice::core {

// A POSIX semaphore. Compared with a condition variable, the woken thread needs one system call less: a
// condition variable leaves its mutex as if others waited for it. std::counting_semaphore yields the
// processor four times before it sleeps.
class Semaphore {
 public:
  Semaphore() { ::sem_init(&semaphore_, 0, 0); }
  ~Semaphore() { ::sem_destroy(&semaphore_); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Lets one wait() return, the current or the next. Any thread.
  void post() { ::sem_post(&semaphore_); }
  void wait() {
    while (::sem_wait(&semaphore_) != 0 && errno == EINTR) {
    }
  }

 private:
  sem_t semaphore_;
};

}  // namespace sluice::core
