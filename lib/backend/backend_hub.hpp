// Backend hub: all backends and their thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <unordered_map>
#include <vector>

#include "lib/backend/backend.hpp"
#include "lib/backend/child_starter.hpp"
#include "lib/call/async_handler.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

using BackendId = std::uint64_t;

// Passes calls between I/O threads and backends. submit() enqueues a call on its I/O thread, and finish()
// returns it there. All calls submitted between two iterations of the loop need one wake-up. One thread
// serves all backends: they are bound by I/O, and none of their state needs a lock. Beside several I/O
// threads it is a thread of its own, so that backends do not delay clients. With a single I/O thread the
// backends run on that one. That saves a call two wake-ups: half of the CPU time that an upstream's reply
// costs.
class BackendHub {
 public:
  // On a thread of its own.
  BackendHub(const Limits& limits, WorkerPool& pool, MetricsShard& metrics);
  // On a thread that others start and stop.
  explicit BackendHub(IoThread& shared);
  ~BackendHub();

  void start() {
    if (own_) own_->start();
  }
  // end_all(), and ends the thread if it is its own. Calls that are left are completed; later ones are
  // never finished.
  void stop(milliseconds patience);

  // For the controlling thread.
  using Maker = std::function<std::unique_ptr<Backend>(BackendHub&)>;
  BackendId new_id() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  // Makes and starts a backend on the hub's thread. Returns when that is done: calls for it may come from
  // then on. They get "Internal error" where an allocation failed.
  void add(BackendId id, Maker make);
  // See Backend::retire(). Calls that are on their way to it must have arrived.
  void retire(BackendId id);
  // See Backend::renew().
  void renew(BackendId id);
  // What is called on the hub's thread for a method whose backend answers that it has none of that name. It
  // must not throw. Before start().
  void on_method_not_found(std::function<void(const Method&)> react) { not_found_ = std::move(react); }
  // Retires all backends. Returns at once.
  void retire_all();
  // Retires all backends, and kills processes that have not ended by `kill_at`. Returns when all have ended,
  // or soon after `kill_at`.
  void end_all(TimePoint kill_at);
  void set_limits(const Limits& limits);
  // Whether waiting calls are served round-robin between clients. Any thread.
  void set_fair(bool fair) { fair_.store(fair, std::memory_order_relaxed); }
  // Returns when what was asked for before has been done, or after `kControlTime`.
  void flush();

  // Any thread; on the hub's the call is processed at once. `call.home` must be set. If it throws
  // std::bad_alloc, the call was not taken.
  void submit(BackendId backend, ActiveCall& call);
  // The call has been answered without it.
  void stop_call(std::uint64_t serial) noexcept;

  // What follows is for backends, on the hub's thread.
  IoThread& io() { return io_; }
  ChildStarter& starter() { return starter_; }
  const Limits& limits() const { return io_.limits; }
  bool fair() const { return fair_.load(std::memory_order_relaxed); }
  TimePoint now() const { return io_.now(); }
  std::uint64_t random_bits() { return random_(); }
  // Null if no backend has a call of that serial.
  BackendCall* find(std::uint64_t serial);
  // True while it waits at its backend.
  bool waits(std::uint64_t serial);
  // Completes the call with `reply`, or with `error` if that is null. With neither, or for a notification or
  // a stopped call, no response is composed.
  void finish(BackendCall& call, const proto::Reply* reply = nullptr, const proto::Error* error = nullptr);
  void finish_out_of_memory(BackendCall& call);
  // Destroys an object at the end of the iteration, since a function on the stack may be using it.
  void dispose(std::shared_ptr<void> thing);
  // A retiring backend has no more calls and runs nothing any more.
  void look_at_retired() { io_.defer(cleaner_); }

 private:
  struct Entry {
    std::unique_ptr<Backend> backend;
    bool retiring = false;
  };
  struct Message {
    BackendId backend;  // 0: stop the call
    std::uint64_t serial;
    ActiveCall* call;
  };
  struct Cleaner final : DeferredTask {
    explicit Cleaner(BackendHub& owner) : hub(owner) {}
    void on_deferred() override { hub.clean(); }
    BackendHub& hub;
  };

  void send(const Message& message);
  void take(const Message& message);
  void cut_off();
  void complete(BackendCall& call);
  void retire_each(bool kill);
  bool none_left(bool kill);
  void take_messages();
  void take_stop(std::uint64_t serial);
  void take_call(const Message& message);
  void clean();

  const std::unique_ptr<IoThread> own_;
  IoThread& io_;
  std::atomic<std::uint64_t> next_serial_{1};
  std::atomic<BackendId> next_id_{1};
  std::atomic<bool> fair_{true};
  std::mutex mutex_;
  std::vector<Message> inbox_;  // guarded by mutex_; at most two for each call that is admitted
  bool wake_owed_ = false;      // guarded by mutex_: waking the thread failed, out of memory

  // The hub's thread only.
  std::function<void(const Method&)> not_found_;
  std::vector<Message> spare_inbox_;  // empty, with the room of the last one
  std::unordered_map<BackendId, Entry> backends_;
  std::unordered_map<std::uint64_t, BackendCall> calls_;
  ChildStarter starter_{io_};
  std::vector<std::shared_ptr<void>> disposed_;
  std::mt19937_64 random_;
  Cleaner cleaner_{*this};
};

// The handler of a backend's methods.
class BackendHandler final : public AsyncHandler {
 public:
  // `calls_max`: how many of its calls may be in flight, waiting ones included.
  BackendHandler(BackendHub& hub, BackendId backend, std::shared_ptr<BackendMetrics> metrics,
                 std::size_t calls_max)
      : hub_(hub), backend_(backend), metrics_(std::move(metrics)), calls_max_(calls_max) {}

  void start(ActiveCall& call, boost::asio::io_context&) override { hub_.submit(backend_, call); }
  void stop(ActiveCall& call) noexcept override { hub_.stop_call(call.serial); }
  std::string_view backend() const override { return metrics_->name; }
  ConcurrencyLimit concurrency_limit() override { return {&metrics_->in_flight, calls_max_}; }
  std::optional<milliseconds> expected_wait_approx() const override {
    return metrics_->expected_wait_approx();
  }

 private:
  BackendHub& hub_;
  const BackendId backend_;
  const std::shared_ptr<BackendMetrics> metrics_;
  const std::size_t calls_max_;
};

}  // namespace sluice::core
