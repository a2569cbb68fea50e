#include "lib/worker/worker_pool.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

#include "lib/base/processors.hpp"

namespace sluice::core {
namespace {

std::int64_t since_epoch_ns(TimePoint time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

WorkerPool::WorkerPool(std::size_t workers, std::size_t queue_max, std::size_t workers_max)
    : processors_(processor_count()), active_(workers), queue_max_(queue_max) {
  CPU_ZERO(&cpus_);
  for (std::size_t i = 0; i < std::max(workers, workers_max); ++i) {
    workers_.push_back(std::make_shared<Worker>());
    workers_.back()->index = i;
  }
}

WorkerPool::~WorkerPool() { stop(Clock::now() + std::chrono::hours(24)); }

void WorkerPool::run_on(const std::vector<std::size_t>& cpus) {
  for (const std::size_t cpu : cpus) CPU_SET(cpu, &cpus_);
  if (!cpus.empty()) processors_ = std::max<std::size_t>(1, CPU_COUNT(&cpus_));
}

void WorkerPool::start() {
  for (std::size_t i = 0; i < active(); ++i) start_worker(i);
}

void WorkerPool::start_worker(std::size_t index) {
  workers_[index]->thread = std::thread([this, index, worker = workers_[index]] {
    pthread_setname_np(pthread_self(), ("worker-" + std::to_string(index)).c_str());
    if (CPU_COUNT(&cpus_) > 0) pthread_setaffinity_np(pthread_self(), sizeof cpus_, &cpus_);
    run(*worker);
  });
}

void WorkerPool::resize(std::size_t workers) {
  workers = std::clamp<std::size_t>(workers, 1, workers_.size());
  for (std::size_t i = active(); i < workers; ++i) {
    if (!workers_[i]->thread.joinable()) start_worker(i);
    active_.store(i + 1, std::memory_order_seq_cst);
    // There may be calls to steal, for which no other thread would wake it.
    workers_[i]->queue.wake_to_steal();
  }
  active_.store(workers, std::memory_order_seq_cst);
}

std::size_t WorkerPool::try_reserve() {
  const auto load_max = static_cast<std::ptrdiff_t>(queue_max_.load(std::memory_order_relaxed)) + 1;
  const std::size_t workers = active();
  const std::size_t first = next_first(workers);
  for (;;) {
    std::size_t best = kNone;
    std::ptrdiff_t best_load = load_max;
    std::size_t best_taken = 0;
    for (std::size_t i = 0; i < workers && best_load > 0; ++i) {
      const std::size_t index = first + i < workers ? first + i : first + i - workers;
      // Reading in this order, the load is never too high. It is too low, or negative, only if more was taken
      // meanwhile; then the exchange fails.
      const std::size_t taken = workers_[index]->taken.load(std::memory_order_acquire);
      const std::size_t done = workers_[index]->done.load(std::memory_order_acquire);
      const auto load = static_cast<std::ptrdiff_t>(taken - done);
      if (load < best_load) {
        best = index;
        best_load = load;
        best_taken = taken;
      }
    }
    if (best == kNone) return kNone;
    // Another thread may have taken the slot first; then the least loaded worker may be another one.
    if (workers_[best]->taken.compare_exchange_strong(best_taken, best_taken + 1,
                                                      std::memory_order_relaxed)) {
      return best;
    }
  }
}

// A lost update does no harm: this only spreads ties.
std::size_t WorkerPool::next_first(std::size_t workers) {
  const std::size_t first = next_start_.load(std::memory_order_relaxed);
  next_start_.store(first + 1 < workers ? first + 1 : 0, std::memory_order_relaxed);
  return first < workers ? first : 0;
}

bool WorkerPool::try_reserve_at(std::size_t worker) {
  const std::size_t load_max = queue_max_.load(std::memory_order_relaxed) + 1;
  for (;;) {
    const Load load = load_approx(worker);
    if (load.calls >= load_max) return false;
    std::size_t taken = load.calls + load.done;
    if (workers_[worker]->taken.compare_exchange_strong(taken, taken + 1, std::memory_order_relaxed)) {
      return true;
    }
  }
}

void WorkerPool::release_slot(std::size_t worker) {
  workers_[worker]->taken.fetch_sub(1, std::memory_order_relaxed);
}

bool WorkerPool::push(std::size_t worker, CallQueue& calls, std::size_t count) {
  return workers_[worker]->queue.push(calls, count);
}

// A worker may become idle after another was chosen for a call. Either it finds the call in its last look
// round, after counting itself idle, or it is counted here (both are sequentially consistent).
void WorkerPool::wake_one_idle() {
  if (idle_.load(std::memory_order_seq_cst) == 0) return;
  for (std::size_t i = 0; i < active(); ++i) {
    if (workers_[i]->queue.wake_to_steal()) return;
  }
}

void WorkerPool::wake_all_idle() {
  if (idle_.load(std::memory_order_seq_cst) == 0) return;
  for (const auto& worker : workers_) worker->queue.wake_to_steal();
}

WorkerPool::Load WorkerPool::load_approx(std::size_t worker) const {
  const std::size_t taken = workers_[worker]->taken.load(std::memory_order_acquire);
  const std::size_t done = workers_[worker]->done.load(std::memory_order_acquire);
  return {static_cast<std::ptrdiff_t>(taken - done) > 0 ? taken - done : 0, done};
}

bool WorkerPool::was_idle(std::size_t worker) const {
  // Reading in this order, a call taken meanwhile makes the worker busy.
  const std::size_t done = workers_[worker]->done.load(std::memory_order_acquire);
  return workers_[worker]->taken.load(std::memory_order_acquire) == done;
}

std::size_t WorkerPool::loaded_approx() const {
  std::size_t loaded = 0;
  for (std::size_t i = 0; i < active(); ++i) loaded += load_approx(i).calls > 0 ? 1 : 0;
  return loaded;
}

bool WorkerPool::cancel_queued(ActiveCall& call) {
  if (!workers_[call.worker]->queue.remove(call)) return false;
  release_slot(call.worker);
  return true;
}

void WorkerPool::set_fair(bool fair) {
  fair_.store(fair, std::memory_order_relaxed);
  for (const auto& worker : workers_) worker->queue.set_fair(fair);
}

[[gnu::always_inline]] inline ActiveCall* WorkerPool::next_call(Worker& self) {
  // Only after a call: a worker that was just woken is relied on to begin with its own queue
  // (WorkQueue::push).
  bool chooses = chooses_queue(self) && !may_sleep(self);
  while (!self.queue.stopped()) {
    const bool from_any = std::exchange(chooses, false);
    if (ActiveCall* const call = from_any ? steal(self) : self.queue.try_pop(self.now)) return call;
    if (may_sleep(self)) {
      // It is not counted as idle, since it must not be woken for others' calls. It may just have been.
      if (waiting_approx() > 0) wake_one_idle();
      self.queue.sleep();
      self.now = self.clock.now();
      continue;
    }
    if (ActiveCall* const call = steal(self)) return call;
    idle_.fetch_add(1, std::memory_order_seq_cst);
    ActiveCall* const call = steal(self);
    if (call == nullptr) {
      self.queue.sleep();
      self.now = self.clock.now();
    }
    idle_.fetch_sub(1, std::memory_order_seq_cst);
    if (call != nullptr) return call;
  }
  return nullptr;
}

WorkerPool::Worker* WorkerPool::longest_queue() {
  Worker* longest = nullptr;
  std::size_t length = 0;
  for (const auto& worker : workers_) {
    const std::size_t size = worker->queue.size_approx();
    if (size > length) {
      longest = worker.get();
      length = size;
    }
  }
  return longest;
}

// Among queues with calls. If clients have equally many calls running, the worker's own queue is first, then
// the longest.
WorkerPool::Worker* WorkerPool::least_served_queue(Worker& self) {
  Worker* best = longest_queue();
  if (best == nullptr) return nullptr;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  const auto look_at = [&](Worker& worker) {
    if (worker.queue.size_approx() == 0) return;
    const auto count = worker.queue.fewest(self.now, [this](const void* client) { return running(client); });
    if (!count || *count >= fewest) return;
    best = &worker;
    fewest = *count;
  };
  look_at(self);
  look_at(*best);
  for (const auto& worker : workers_) look_at(*worker);
  return best;
}

std::size_t WorkerPool::running(const void* client) const {
  return static_cast<std::size_t>(std::ranges::count_if(workers_, [client](const auto& worker) {
    return worker->busy_until_ns.load(std::memory_order_relaxed) != 0 &&
           worker->client.load(std::memory_order_relaxed) == client;
  }));
}

ActiveCall* WorkerPool::steal(Worker& self) {
  // A queue may have become empty since the last look, while another has calls.
  const bool chooses = chooses_queue(self);
  while (Worker* const from = chooses ? least_served_queue(self) : longest_queue()) {
    ActiveCall* const call =
        chooses ? from->queue.try_pop_fewest(self.now, [this](const void* client) { return running(client); })
                : from->queue.try_pop(self.now);
    if (call == nullptr) continue;
    if (from != &self) {
      from->taken.fetch_sub(1, std::memory_order_relaxed);
      self.taken.fetch_add(1, std::memory_order_relaxed);
    }
    return call;
  }
  return nullptr;
}

[[gnu::always_inline]] inline void WorkerPool::execute(Worker& self, ActiveCall& call) {
  call.started = std::max(self.now, call.received);
  self.client.store(call.client, std::memory_order_relaxed);
  self.busy_until_ns.store(std::max<std::int64_t>(1, since_epoch_ns(call.deadline)),
                           std::memory_order_relaxed);
  run_handler(call);
  // `received` was read by another thread.
  call.finished = self.now = std::max(self.clock.now(), call.started);
  self.busy_until_ns.store(0, std::memory_order_relaxed);
  self.run_time.observe(call.finished - call.started);
  self.done.store(self.done.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  // The wake-up may have let the other thread run first.
  if (call.home->complete(call)) self.now = self.clock.now();
}

void WorkerPool::run(Worker& self) {
  self.now = self.clock.now();
  while (ActiveCall* const call = next_call(self)) execute(self, *call);
  self.ended.store(true, std::memory_order_release);
}

std::size_t WorkerPool::stop(TimePoint until) {
  for (const auto& worker : workers_) worker->queue.stop();
  std::size_t stuck = 0;
  for (const auto& worker : workers_) {
    if (!worker->thread.joinable()) continue;
    // A worker outside a handler ends by itself, and soon.
    const auto may_wait = [&] { return worker->busy_until_ns.load() == 0 || Clock::now() < until; };
    while (!worker->ended.load(std::memory_order_acquire) && may_wait()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (worker->ended.load(std::memory_order_acquire)) {
      worker->thread.join();
    } else {
      worker->thread.detach();
      ++stuck;
    }
  }
  return stuck;
}

milliseconds WorkerPool::expected_wait_approx() const {
  static constexpr std::int64_t kShortestMs = 10;
  static constexpr std::int64_t kLongestMs = 5000;
  std::int64_t wait_ns = 0;
  for (const auto& worker : workers_) {
    const auto waiting = static_cast<std::int64_t>(worker->queue.size_approx()) + 1;
    wait_ns += waiting * worker->run_time.approx().count();
  }
  const std::int64_t wait_ms = wait_ns / static_cast<std::int64_t>(active()) / 1'000'000;
  return milliseconds(std::clamp(wait_ms, kShortestMs, kLongestMs));
}

std::size_t WorkerPool::waiting_approx() const {
  std::size_t waiting = 0;
  for (const auto& worker : workers_) waiting += worker->queue.size_approx();
  return waiting;
}

std::size_t WorkerPool::stuck_approx(TimePoint now, std::chrono::nanoseconds grace) const {
  const std::int64_t latest = since_epoch_ns(now - grace);
  const auto stuck = std::ranges::count_if(workers_, [latest](const auto& worker) {
    const std::int64_t until = worker->busy_until_ns.load(std::memory_order_relaxed);
    return until != 0 && until < latest;
  });
  return static_cast<std::size_t>(stuck);
}

bool WorkerPool::all_stuck(TimePoint now, std::chrono::nanoseconds grace) const {
  return stuck_approx(now, grace) >= active();
}

}  // namespace sluice::core
