// Link between an event loop and the workers: calls go out in batches, completions come back.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "lib/base/mpsc_queue.hpp"
#include "lib/call/active_call.hpp"
#include "lib/loop/completion_source.hpp"
#include "lib/loop/deferred_task.hpp"
#include "lib/loop/event_loop.hpp"
#include "lib/worker/worker_dispatcher.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {

// One per I/O thread. Calls for workers are pushed in Phase::submissions. Completions are drained as soon as
// the loop sees them, those of its own thread in Phase::completions. Loop's thread only, except complete(),
// await_room() and completed_bytes(). Outlives the loop's run; owns no call.
class WorkerLink final : public CallHome, public CompletionSource {
 public:
  WorkerLink(EventLoop& loop, WorkerPool& pool);
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;

  // Whether there are more workers than this thread's calls at workers.
  bool has_spare() const { return loop_.outside_work().pending < pool_.size(); }
  // Reserves a worker's slot for a call that takes about `run_time` (zero: not known). WorkerPool::kNone if
  // all workers are full. Then either enqueue() or release_slot() must follow in the same iteration.
  std::size_t reserve(std::chrono::nanoseconds run_time) {
    const std::size_t worker = worker_dispatcher_.reserve(run_time, loop_.now());
    if (worker == WorkerPool::kNone) defer_submission();
    return worker;
  }
  // Releases the slot of a call that is not enqueued.
  void release_slot(std::size_t worker) {
    worker_dispatcher_.release_slot(worker);
    defer_submission();
  }
  // Pushes a call to its reserved worker at the end of the iteration.
  void enqueue(ActiveCall& call) {
    call.stage = ActiveCall::Stage::pooled;
    call.home = this;
    call.waits_since = loop_.now();
    worker_dispatcher_.enqueue(call);
    ++loop_.outside_work().pending;
    defer_submission();
  }
  // Whether an enqueued call has not begun.
  bool waits(const ActiveCall& call) { return worker_dispatcher_.is_queued(call) || pool_.waiting(call); }
  // Takes back an enqueued call that no worker has begun; false if one has.
  bool cancel_queued(ActiveCall& call);

  // A worker or a backend has ended a call. Thread-safe. On the loop's thread it costs no wake-up, and the
  // call is answered first at the end of the iteration.
  bool complete(ActiveCall& call) override;
  // Workers wait while kCompletedBytesMax of large replies lie here. They compose replies many times faster
  // than a loop on the same processor takes them. While some wait, half of that room is reserved for them.
  // Thread-safe.
  void await_room(ActiveCall& call) override;
  // Thread-safe.
  void deliver_notes(std::shared_ptr<CallNotes> notes) override;
  // Bytes of large replies of completed calls that have not been drained. Any thread.
  std::size_t completed_bytes() const { return completed_bytes_.load(std::memory_order_relaxed); }
  static constexpr std::size_t kCompletedBytesMax = 2 * 1024 * 1024;
  static constexpr std::size_t kCompletedReplyBytesMin = 64 * 1024;  // smaller replies do not count
  static constexpr auto kRoomWaitMax = std::chrono::milliseconds(100);
  // Processes all calls completed so far. Within an event.
  void drain_completions();
  // Handler of completed calls. Set it before the loop runs.
  void on_completed(std::function<void(ActiveCall&)> handler) { on_completed_ = std::move(handler); }
  // Handler of calls' notes. Set it before the loop runs.
  void on_notes(std::function<void(CallNotes&)> handler) { on_notes_ = std::move(handler); }

  bool empty() const override { return completions_.empty(); }
  bool ready() const override { return completions_.ready(); }
  void drain() override { drain_completions(); }

 private:
  struct Drain final : DeferredTask {
    explicit Drain(WorkerLink& owner) : link(owner) {}
    void on_deferred() override { link.drain_completions(); }
    WorkerLink& link;
  };
  struct Submission final : DeferredTask {
    explicit Submission(WorkerLink& owner) : link(owner) {}
    void on_deferred() override { link.submit_calls(); }
    WorkerLink& link;
  };
  struct WorkerCheck final : Deadline {
    explicit WorkerCheck(WorkerLink& owner) : link(owner) {}
    void on_deadline(TimePoint now) override;
    WorkerLink& link;
  };

  void defer_submission() { loop_.defer(submission_, Phase::submissions); }
  void submit_calls();
  void release_reply_bytes(ActiveCall& call);

  EventLoop& loop_;
  WorkerPool& pool_;
  WorkerDispatcher worker_dispatcher_;
  Drain drain_{*this};
  Submission submission_{*this};
  WorkerCheck worker_check_{*this};
  std::function<void(ActiveCall&)> on_completed_;
  std::function<void(CallNotes&)> on_notes_;
  // Written by other threads as well:
  MpscQueue<ActiveCall, &ActiveCall::next_completed> completions_;
  std::atomic<std::size_t> completed_bytes_{0};
  std::atomic<int> awaiting_room_{0};  // workers
};

}  // namespace sluice::core
