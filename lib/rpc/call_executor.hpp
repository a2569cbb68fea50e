// Call executor: the calls of one I/O thread, from admission to their one response.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "lib/call/active_call.hpp"
#include "lib/rpc/admission_pipeline.hpp"
#include "lib/rpc/call_deadlines.hpp"
#include "lib/rpc/call_id.hpp"
#include "lib/rpc/call_log.hpp"
#include "lib/rpc/note_delivery.hpp"
#include "lib/rpc/session_stats.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

// Starts calls and answers them. Completions, time limits, cancellations and disconnects of a call are all
// processed on one I/O thread. So answer() decides a call's response once, without a race. Must outlive the
// thread's connections.
class CallExecutor final : public CallExpiry {
 public:
  // `only_thread`: there is no other I/O thread.
  CallExecutor(IoThread& io, AdmissionPipeline& admission_pipeline, bool only_thread);

  // A call whose request is to be read before the call is started. Throws std::bad_alloc.
  struct Recycle {
    CallPool* calls;
    void operator()(ActiveCall* call) const { calls->give(call); }
  };
  using NewCall = std::unique_ptr<ActiveCall, Recycle>;
  NewCall new_call() { return NewCall(io_.calls().take(), {&io_.calls()}); }

  // Admits and starts a call under `grant` (null: everything is allowed), or refuses it. The answer goes to
  // `owner` under `tag`, possibly before this returns. Its request points into memory that must last until
  // then only. Does not throw.
  void start(NewCall&& call, TimePoint received, const std::shared_ptr<const Grant>& grant, CallOwner& owner,
             std::uint64_t tag);

  // Answers a call now and stops what is being done for it. None of this throws.
  void abort(ActiveCall& call, const proto::Error& error);
  // Cancels a call without passing a reply to its owner.
  void drop(ActiveCall& call);
  // Cancels the owner's call that is the target; false if the owner has no such call.
  bool cancel(CallOwner& owner, const CancelTarget& target);

  void expire(ActiveCall& call) override;

  // Sends notes that wait, as far as their client has room. I/O thread only. Throws std::bad_alloc.
  void deliver_notes(CallNotes& notes) { note_delivery_.deliver(notes); }

  // Bytes of abandoned calls: they were answered while their handlers go on.
  std::size_t abandoned_bytes() const { return abandoned_bytes_; }

  IoThread& io() { return io_; }
  AdmissionPipeline& admission_pipeline() { return admission_pipeline_; }
  SessionStats& stats() { return stats_; }

 private:
  bool admit(ActiveCall& call);
  void begin(ActiveCall& call);
  void run_inline(ActiveCall& call);
  bool prepare(ActiveCall& call);
  void keep_text(ActiveCall& call);
  void stop(ActiveCall& call, std::int64_t code, std::string& reply);
  void answer(ActiveCall& call, std::int64_t code, std::string& reply);
  void on_completed(ActiveCall& call);
  void recycle(ActiveCall& call);
  MethodShard* counts_of(ActiveCall& call) {
    return call.counts != nullptr ? call.counts : find_counts(call);
  }
  MethodShard* find_counts(ActiveCall& call);
  MethodMetrics& metrics_of(const ActiveCall& call);

  IoThread& io_;
  AdmissionPipeline& admission_pipeline_;
  MethodCache methods_;
  InlinePermitCache inline_permits_;
  CallDeadlines deadlines_;
  CallLog log_;
  SessionStats stats_;
  NoteDelivery note_delivery_;
  std::size_t abandoned_bytes_ = 0;  // of calls that were answered while their handlers go on
};

}  // namespace sluice::core
