// A call from its receipt to the end of its handler.
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

struct ActiveCall;
struct MethodCacheEntry;
struct OwnerTag;
struct QueueTag;
struct InUseTag;

// Where a call's answer goes: a connection, or the batch that the call is an entry of. I/O thread only.
class CallOwner {
 public:
  // The call has its answer; `reply` is a whole response object, whose memory may be taken (empty: none is
  // due), `code` its error's code or 0. It has left the owner's list.
  virtual void on_answer(ActiveCall& call, std::string& reply, std::int64_t code) = 0;

  // An answer was lost for want of memory: the client, who would wait for it, is to be cut off.
  virtual void on_answer_lost() = 0;

  // Where a call is being started: the string that its request lies in, if nobody looks at that any more and
  // its memory may be taken; else null.
  virtual std::string* reusable_buffer() { return nullptr; }

  // Who is at the other end, for the log; empty where nobody is any more. Throws std::bad_alloc.
  virtual std::string peer() const { return {}; }

  IntrusiveList<ActiveCall, OwnerTag> calls;  // unanswered
  const void* client = nullptr;               // whose turn they take where calls wait (FairHook)

 protected:
  ~CallOwner() = default;
};

// Where a call goes back to when its handler has ended. Any thread may call it.
class CallHome {
 public:
  // Whether somebody was woken for it.
  virtual bool complete(ActiveCall& call) = 0;
  // A worker is about to complete a call with a long reply. May wait, for a bounded time, until earlier
  // completions are drained.
  virtual void await_room(ActiveCall&) {}

 protected:
  ~CallHome() = default;
};

// What becomes of a call whose time limit passes. I/O thread only.
class CallExpiry {
 public:
  virtual void expire(ActiveCall& call) = 0;

 protected:
  ~CallExpiry() = default;
};

// Made, answered and freed on the I/O thread of its connection. While it is in the pool's hands
// (Stage::pooled) or its handler's (Stage::async), whoever runs it writes the members under "outcome" and
// nothing else; they always give it back, and until then it is not freed, whatever became of its client. So
// which of completion, time limit, cancelling and disconnect decides the answer is settled by one thread
// looking at `answered`, and there is no second reply to be raced for.
struct ActiveCall final : ListHook<OwnerTag>, FairHook<ActiveCall, QueueTag>, ListHook<InUseTag>, Deadline {
  using QueueHook = FairHook<ActiveCall, QueueTag>;

  ActiveCall() = default;
  ~ActiveCall() override {
    static_cast<ListHook<OwnerTag>&>(*this).unlink();
    QueueHook::unlink();
    static_cast<ListHook<InUseTag>&>(*this).unlink();
  }

  enum class Stage : std::uint8_t {
    starting,  // not yet handed to anybody
    pooled,    // in a worker's queue or hands, or to be so from the end of its iteration on
    async,     // its AsyncHandler has it
    ended,     // its handler has returned, or never ran
  };

  // The request. `text` holds a copy of it once the call outlives the read buffer.
  proto::Request request;
  std::string text;
  Method* method = nullptr;             // null: there is none of that name
  MethodCacheEntry* hold = nullptr;     // what keeps it, where that is one for many calls
  std::shared_ptr<Method> method_kept;  // keeps it otherwise; null: the iteration does
  std::shared_ptr<const Grant> grant;   // what its caller may do; null: everything
  Permit permit;                        // counts in what method and grant keep
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
  CallOwner* owner = nullptr;  // null: nobody waits for the answer
  std::uint64_t tag = 0;       // the owner's: which of its messages or entries this is
  CallExpiry* expiry = nullptr;
  std::uint64_t id_hash = 0;      // of its id, once somebody asked for it (hash_of_id()); 0: not known
  MethodShard* counts = nullptr;  // its method's on this thread, once they are known

  // The pool's, or the handler's.
  std::size_t worker = 0;
  std::uint64_t serial = 0;  // what a backend knows it by, or in which submission its worker got it
  CallHome* home = nullptr;
  std::size_t completed_bytes = 0;  // of its reply, as far as its home counts it
  std::atomic<ActiveCall*> next_completed = nullptr;

  // Copies the request's text, so that the call no longer needs the buffer that it was read from. Id and
  // params lie in that text.
  void keep_text();
  // The same for a request that lies in `buffer` as a whole, by changing places with it. False, and nothing
  // is done, where it doesn't, or is less than half of the buffer.
  bool take_text(std::string& buffer);

  void on_deadline(TimePoint) override { expiry->expire(*this); }

 private:
  void keep_parts();
};

// Runs a blocking or inline handler and composes its reply: the one place where exceptions of handlers
// end. The caller gets "Internal error"; what was thrown goes to the log. Any thread.
void run_handler(ActiveCall& call);

// The reply of a handler that has ended by other means than run_handler().
void compose_result(ActiveCall& call, std::string_view result);
void compose_error(ActiveCall& call, const proto::Error& error);
// "Internal error", as a last resort: where memory does not suffice for it, the reply stays empty and its
// client is cut off.
void compose_internal_error(ActiveCall& call) noexcept;
// An error object that came from elsewhere, as its JSON text.
void compose_forwarded_error(ActiveCall& call, std::string_view error, std::int64_t code);
proto::Error to_wire(const Error& error);
// Logs that the call's handler threw; at most one line a second. Any thread.
void log_handler_exception(const ActiveCall& call, const char* what);

}  // namespace sluice::core
