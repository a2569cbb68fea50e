// Backend: the interface of what serves a backend's methods; used on the backends' thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>

#include "lib/base/intrusive_list.hpp"
#include "lib/call/active_call.hpp"
#include "lib/call/fair_queue.hpp"
#include "lib/observe/backend_metrics.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "proto/reply.hpp"

namespace sluice::core {

class Backend;
class BackendHub;
struct BackendQueueTag;
struct BackendChannelTag;
struct BackendCall;

// Channel of a backend that calls are sent over, such as one child process.
struct BackendChannel {
  IntrusiveList<BackendCall, BackendChannelTag> calls;  // handed over and not yet finished
};

// A call at a backend, from its arrival on the backends' thread until finish(). That thread only.
struct BackendCall final : FairHook<BackendCall, BackendQueueTag>, ListHook<BackendChannelTag>, Deadline {
  using QueueHook = FairHook<BackendCall, BackendQueueTag>;

  BackendCall(ActiveCall& of, Backend& served_by) : call(of), backend(served_by), serial(of.serial) {
    client = of.client;
  }
  ~BackendCall() override {
    QueueHook::unlink();
    static_cast<ListHook<BackendChannelTag>&>(*this).unlink();
  }

  // Ends its wait.
  void begin(TimePoint now) {
    begun = true;
    call.started = std::max(now, call.received);  // a time of another thread's
  }

  // Assigns it to a channel. Its start counts from here.
  void assign_to(BackendChannel& by, TimePoint now) {
    channel = &by;
    begin(now);
    by.calls.push_back(*this);
  }

  // True if the server's time limit has passed. A shorter `timeout_ms` of the client does not count against
  // the backend.
  bool unanswered(TimePoint now) const {
    const bool clients_own = call.request.timeout && *call.request.timeout <= call.timeout;
    return !clients_own && now >= call.deadline;
  }

  void on_deadline(TimePoint now) override;

  ActiveCall& call;
  Backend& backend;
  const std::uint64_t serial;  // the id that the hub knows it by
  BackendChannel* channel = nullptr;
  std::uint64_t sent_at = 0;  // offset of its line in all bytes sent to a child process
  std::uint32_t wire_id = 0;  // the id that it goes by towards a channel that has one at a time
  bool begun = false;
  bool stopped = false;           // no client waits for the answer any more
  bool probe = false;             // the trial call of a half-open breaker
  bool outcome_recorded = false;  // its breaker has counted the call
  bool lingers = false;           // abandoned: answered kill_after ago, and it still runs
};

// Constructed, used and destroyed on the backends' thread. No member blocks: waits use the event loop.
class Backend {
 public:
  virtual ~Backend() = default;

  // Starts work that does not wait for a call.
  virtual void start() = 0;

  // Takes a call, and finishes it through the hub, at once or later.
  virtual void submit(BackendCall& call) = 0;

  // No client waits for the call any more: its time limit has passed, or it was cancelled. `call.stopped` is
  // set. The backend finishes the call once it no longer runs.
  virtual void stop_call(BackendCall& call) = 0;

  // A deadline that was set on the call.
  virtual void on_unanswered(BackendCall&, TimePoint) {}

  // A reload left this backend's settings unchanged. It refreshes what it keeps, such as addresses and
  // authorities.
  virtual void renew() {}

  // No more calls come. Finishes its calls, then ends its processes and connections; at once if `kill`. May
  // be called again with `kill`.
  virtual void retire(bool kill) = 0;
  // True once it has no calls, processes and connections.
  virtual bool retired() const = 0;
};

inline void BackendCall::on_deadline(TimePoint now) { backend.on_unanswered(*this, now); }

}  // namespace sluice::core
