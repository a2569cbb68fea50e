// Active call: one request or notification, from its receipt to the end of its handler.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/access/client.hpp"
#include "lib/admission/admission.hpp"
#include "lib/base/intrusive_list.hpp"
#include "lib/call/cancellation.hpp"
#include "lib/call/fair_queue.hpp"
#include "lib/call/method.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "proto/request.hpp"

namespace sluice::core {

class CallNotes;
class NoteOutput;
class SubscriptionSet;
struct ActiveCall;
struct MethodCacheEntry;
struct OwnerTag;
struct QueueTag;
struct InUseTag;

// Where events go that a call subscribes to.
struct EventTarget {
  SubscriptionSet* subscriptions = nullptr;  // null: the client can't be sent events
  std::uint64_t exchange = 0;                // the message whose reply comes before the first event
};

// Receiver of a call's response: a session, or the batch that the call is an entry of. I/O thread only.
class CallOwner {
 public:
  // The call is answered. `reply` is a whole response object, whose memory may be taken (empty: no response
  // is due). `code` is its error's code or 0. The call has left the owner's list.
  virtual void on_answer(ActiveCall& call, std::string& reply, std::int64_t code) = 0;

  // A response was lost, because memory ran out. The client would wait for it, so it is to be disconnected.
  virtual void on_answer_lost() = 0;

  // While a call is being started: the string that its request lies in, if its memory may be taken; else
  // null.
  virtual std::string* reusable_buffer() { return nullptr; }

  // The peer, for the log; empty after it has disconnected. Throws std::bad_alloc.
  virtual std::string peer() const { return {}; }

  // Where events go that one of its calls subscribes to. Throws std::bad_alloc.
  virtual EventTarget event_target(const ActiveCall&) { return {}; }

  // Where notes of its calls go; null: nowhere any more.
  virtual NoteOutput* note_output() { return nullptr; }

  IntrusiveList<ActiveCall, OwnerTag> calls;  // unanswered
  const void* client = nullptr;               // fair queues go by it (FairHook)

 protected:
  ~CallOwner() = default;
};

// Completion target: receives a call when its handler has ended. Any thread may call it.
class CallHome {
 public:
  // Completes the call. True if that woke a thread.
  virtual bool complete(ActiveCall& call) = 0;
  // A worker is about to complete a call with a large reply. May wait, for a bounded time, until earlier
  // completions are drained.
  virtual void await_room(ActiveCall&) {}
  // Has the I/O thread take the notes soon; their call may be completed by then. Throws std::bad_alloc.
  virtual void deliver_notes(std::shared_ptr<CallNotes>) {}

 protected:
  ~CallHome() = default;
};

// Handles a call whose time limit has passed. I/O thread only.
class CallExpiry {
 public:
  virtual void expire(ActiveCall& call) = 0;

 protected:
  ~CallExpiry() = default;
};

// Created, answered and freed on the I/O thread of its connection. While a worker (Stage::pooled) or its
// handler (Stage::async) has the call, that side writes the members under "outcome" and no others. It always
// completes the call, even after the client has disconnected; until then the call is not freed. One thread
// decides the response: completion, time limit, cancellation and disconnect all check `answered` there. So
// two responses cannot race.
struct ActiveCall final : ListHook<OwnerTag>, FairHook<ActiveCall, QueueTag>, ListHook<InUseTag>, Deadline {
  using QueueHook = FairHook<ActiveCall, QueueTag>;

  ActiveCall() = default;
  ~ActiveCall() override {
    if (notes.load(std::memory_order_relaxed) != nullptr) forget_notes();
    static_cast<ListHook<OwnerTag>&>(*this).unlink();
    QueueHook::unlink();
    static_cast<ListHook<InUseTag>&>(*this).unlink();
  }

  enum class Stage : std::uint8_t {
    starting,  // not yet started
    pooled,    // queued for a worker or run by one, or to be so from the end of its iteration on
    async,     // its AsyncHandler has it
    ended,     // its handler has returned, or never ran
  };

  // The request. `text` holds a copy once the call outlives the read buffer.
  proto::Request request;
  std::string text;
  Method* method = nullptr;             // null: no method has that name
  MethodCacheEntry* hold = nullptr;     // keeps the method for many calls
  std::shared_ptr<Method> method_kept;  // keeps the method otherwise; null: the iteration does
  std::shared_ptr<const Grant> grant;   // the caller's rights; null: everything
  Permit permit;                        // counts in counters that method and grant keep
  TimePoint received;
  TimePoint deadline;
  milliseconds timeout{0};
  std::size_t response_bytes_max = 0;
  Cancellation cancellation;

  // The outcome: a whole response object, and its error code (0: a result).
  std::string reply;
  TimePoint started;
  TimePoint finished;
  std::int64_t code = 0;
  bool ran = false;

  // I/O thread only.
  bool answered = false;
  Stage stage = Stage::starting;
  Priority priority = Priority::normal;
  CallOwner* owner = nullptr;  // null: no owner waits for the response
  std::uint64_t tag = 0;       // the owner's: which of its messages or entries this is
  CallExpiry* expiry = nullptr;
  std::uint64_t id_hash = 0;      // of its id, once hash_of_id() was called; 0: not known
  MethodShard* counts = nullptr;  // its method's on this thread, once they are known

  // The pool's, or the handler's.
  std::size_t worker = 0;
  std::uint64_t serial = 0;  // its number for a backend, or that of the submission to its worker
  CallHome* home = nullptr;
  std::atomic<CallNotes*> notes = nullptr;  // until its completion; null: it has none
  std::size_t completed_bytes = 0;          // of its reply, as its completion target counts them
  std::atomic<ActiveCall*> next_completed = nullptr;

  // Copies the request's text, so that the call no longer needs the buffer that it was read from. Id and
  // params lie in that text.
  void keep_text();
  // Takes over the text of a request that lies entirely in `buffer`, by swapping the strings. False, with no
  // effect, if it does not, or if the text is less than half of the buffer.
  bool take_text(std::string& buffer);

  void on_deadline(TimePoint) override { expiry->expire(*this); }

 private:
  void keep_parts();
  void forget_notes();
};

// Runs a blocking or inline handler and composes its reply. Exceptions of handlers end here, and nowhere
// else. The caller gets "Internal error"; the log gets what was thrown. Any thread.
void run_handler(ActiveCall& call);

// Composes the reply of a handler that did not end in run_handler().
void compose_result(ActiveCall& call, std::string_view result);
void compose_error(ActiveCall& call, const proto::Error& error);
// "Internal error", as a last resort. If memory is too short even for that, the reply stays empty and the
// client is disconnected.
void compose_internal_error(ActiveCall& call) noexcept;
// Takes over an error object, as JSON text, from a backend.
void compose_forwarded_error(ActiveCall& call, std::string_view error, std::int64_t code);
proto::Error to_wire(const Error& error);
// Logs that the call's handler threw; at most one line a second. Any thread.
void log_handler_exception(const ActiveCall& call, const char* what);

}  // namespace sluice::core
