// Child starter: the thread that forks child processes, so that no event loop does.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>

#include "lib/backend/spawn.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

// Starts wait for one another in a queue, which holds one of each instance at most. Between two of them the
// thread rests for as long as the last one took, since fork() holds up other threads' page faults. It
// waits for neither disks nor networks: users are looked up on short-lived threads of their own, and what
// exec() takes is the child's time. It lives as long as the processes, which end with the thread that forked
// them. Its owner's thread only.
class ChildStarter {
 public:
  static constexpr int kUserLookupsMax = 32;  // at once, also those whose start was given up

  using Forked = Result<ForkedChild, ChildFailure>;
  // A pending start; its owner gives it up by destroying it.
  struct Request {
    ChildSettings settings;
    std::function<void(Forked)> done;
  };

  // `io` is where `done` is called.
  explicit ChildStarter(IoThread& io) : io_(io) {}
  ~ChildStarter() { stop(); }
  ChildStarter(const ChildStarter&) = delete;
  ChildStarter& operator=(const ChildStarter&) = delete;

  // Calls `done` once, after this has returned, unless the request is given up before. Throws
  // std::system_error where there is no thread to be had.
  void start(const std::shared_ptr<Request>& request);
  // Ends the thread, and with it the processes that it has forked. Nothing is called any more once `io` has
  // stopped.
  void stop();

 private:
  struct Job;
  struct Queue;

  static void look_user_up(Queue& queue, const std::weak_ptr<Request>& request,
                           const ChildSettings& settings) noexcept;
  void run(Queue& queue);
  void do_job(const Job& job) noexcept;
  void fork_for(const std::weak_ptr<Request>& request, const ChildSettings& settings,
                const std::optional<ChildUser>& user);
  void answer(const std::weak_ptr<Request>& request, Forked forked) noexcept;

  IoThread& io_;
  std::shared_ptr<Queue> queue_;
  std::thread thread_;
};

}  // namespace sluice::core
