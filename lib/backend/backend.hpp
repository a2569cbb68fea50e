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

// What a call was handed to, such as one child process.
struct BackendChannel {
  IntrusiveList<BackendCall, BackendChannelTag> calls;  // handed over and not yet finished
};

// A call in a backend's hands, from its arrival on the backends' thread until finish(). That thread only.
struct BackendCall final : FairHook<BackendCall, BackendQueueTag>, ListHook<BackendChannelTag>, Deadline {
  using QueueHook = FairHook<BackendCall, BackendQueueTag>;

  BackendCall(ActiveCall& of, Backend& served_by) : call(of), backend(served_by), serial(of.serial) {
    client = of.client;
  }
  ~BackendCall() override {
    QueueHook::unlink();
    static_cast<ListHook<BackendChannelTag>&>(*this).unlink();
  }

  // It waits no longer.
  void begin(TimePoint now) {
    begun = true;
    call.started = std::max(now, call.received);  // a time of another thread's
  }

  // Where it is: waiting (null), or in which channel. Its start counts from here.
  void assign_to(BackendChannel& by, TimePoint now) {
    channel = &by;
    begin(now);
    by.calls.push_back(*this);
  }

  // Whether the server's time limit has passed. One that the client chose says nothing about a backend.
  bool unanswered(TimePoint now) const {
    const bool clients_own = call.request.timeout && *call.request.timeout <= call.timeout;
    return !clients_own && now >= call.deadline;
  }

  void on_deadline(TimePoint now) override;

  ActiveCall& call;
  Backend& backend;
  const std::uint64_t serial;  // the id that the hub knows it by
  BackendChannel* channel = nullptr;
  std::uint64_t sent_at = 0;  // of all bytes for a child process: where its line begins
  std::uint32_t wire_id = 0;  // the id that it goes by towards a channel that has one at a time
  bool begun = false;
  bool stopped = false;           // no client waits for the answer any more
  bool probe = false;             // of a half-open breaker
  bool outcome_recorded = false;  // its breaker has counted the call
  bool lingers = false;           // no client has waited for a while, and it still runs
};

// Made, used and destroyed on the backends' thread. Whatever it does takes no time: it waits by the event
// loop.
class Backend {
 public:
  virtual ~Backend() = default;

  // Begins what does not wait for a call.
  virtual void start() = 0;

  // Takes a call, and finishes it through the hub, at once or later.
  virtual void submit(BackendCall& call) = 0;

  // The caller has an answer already: its time limit has passed, or it is gone. `call.stopped` is set. The
  // call is to be finished as soon as nothing is done for it any more.
  virtual void stop_call(BackendCall& call) = 0;

  // A deadline that was set on the call.
  virtual void on_unanswered(BackendCall&, TimePoint) {}

  // The configuration was read again and this backend is as before: what it has found out and keeps, such as
  // addresses and authorities, may have changed.
  virtual void renew() {}

  // No more calls come. Finishes those that are there, then ends what it keeps running; at once where
  // `kill`. May be called again to hurry.
  virtual void retire(bool kill) = 0;
  // Whether nothing remains to be done.
  virtual bool retired() const = 0;
};

inline void BackendCall::on_deadline(TimePoint now) { backend.on_unanswered(*this, now); }

}  // namespace sluice::core
