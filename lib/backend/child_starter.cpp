#include "lib/backend/child_starter.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

namespace sluice::core {
namespace {

constexpr auto kRestMax = std::chrono::milliseconds(50);  // between two forks

std::atomic<int> user_lookups{0};

}  // namespace

struct ChildStarter::Job {
  std::weak_ptr<Request> request;
  ChildSettings settings;
  Result<std::optional<ChildUser>, ChildFailure> user;  // none: the server's own
};

// Shared with the threads that look users up, which may outlive all else.
struct ChildStarter::Queue {
  void push(Job job) {
    {
      const std::lock_guard lock(mutex);
      if (stopping) return;
      jobs.push_back(std::move(job));
    }
    changed.notify_one();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;   // guarded by mutex
  bool stopping = false;  // guarded by mutex
};

void ChildStarter::start(const std::shared_ptr<Request>& request) {
  if (!thread_.joinable()) {
    queue_ = std::make_shared<Queue>();
    thread_ = std::thread([this, queue = queue_] { run(*queue); });
  }
  if (request->settings.user.empty()) {
    return queue_->push({request, request->settings, std::optional<ChildUser>()});
  }
  if (user_lookups.fetch_add(1) >= kUserLookupsMax) {
    user_lookups.fetch_sub(1);
    return queue_->push(
        {request, request->settings,
         ChildFailure{"user " + request->settings.user + ": too many user look-ups are pending"}});
  }
  try {
    std::thread([queue = queue_, weak = std::weak_ptr(request), settings = request->settings] {
      look_user_up(*queue, weak, settings);
      user_lookups.fetch_sub(1);
    }).detach();
  } catch (...) {
    user_lookups.fetch_sub(1);
    throw;
  }
}

void ChildStarter::look_user_up(Queue& queue, const std::weak_ptr<Request>& request,
                                const ChildSettings& settings) noexcept {
  try {
    auto found = find_child_user(settings.user);
    if (found) {
      queue.push({request, settings, std::optional(std::move(found).value())});
    } else {
      queue.push({request, settings, std::move(found).error()});
    }
  } catch (const std::bad_alloc&) {
    // The request runs into its time limit.
  }
}

void ChildStarter::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->stopping = true;
    queue_->jobs.clear();
  }
  queue_->changed.notify_one();
  thread_.join();
}

void ChildStarter::run(Queue& queue) {
  pthread_setname_np(pthread_self(), "starter");
  std::unique_lock lock(queue.mutex);
  while (true) {
    queue.changed.wait(lock, [&] { return queue.stopping || !queue.jobs.empty(); });
    if (queue.stopping) return;
    const Job job = std::move(queue.jobs.front());
    queue.jobs.pop_front();
    lock.unlock();
    const TimePoint begin = Clock::now();
    do_job(job);
    const auto rest = std::min<Clock::duration>(Clock::now() - begin, kRestMax);
    lock.lock();
    queue.changed.wait_for(lock, rest, [&] { return queue.stopping; });
  }
}

// Without memory to answer with, the request runs into its time limit.
void ChildStarter::do_job(const Job& job) noexcept {
  try {
    if (job.user) {
      fork_for(job.request, job.settings, job.user.value());
    } else {
      answer(job.request, job.user.error());
    }
  } catch (const std::bad_alloc&) {
    // The thread has others' to do.
  }
}

void ChildStarter::fork_for(const std::weak_ptr<Request>& request, const ChildSettings& settings,
                            const std::optional<ChildUser>& user) {
  if (request.expired()) return;
  try {
    answer(request, fork_child(settings, user));
  } catch (const std::exception& error) {
    answer(request, ChildFailure{error.what()});
  }
}

// A process whose start was given up meanwhile is killed. Without memory to answer with, the request runs
// into its time limit.
void ChildStarter::answer(const std::weak_ptr<Request>& request, Forked forked) noexcept {
  const auto give_up = [](const Forked& lost) {
    if (lost) kill_and_reap(lost.value().process);
  };
  std::shared_ptr<Forked> shared;
  try {
    shared = std::make_shared<Forked>(std::move(forked));
    io_.post([request, shared, give_up] {
      if (const auto waiting = request.lock()) return waiting->done(std::move(*shared));
      give_up(*shared);
    });
  } catch (const std::bad_alloc&) {
    give_up(shared ? *shared : forked);
  }
}

}  // namespace sluice::core
