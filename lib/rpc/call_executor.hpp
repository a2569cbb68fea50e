// The calls of one I/O thread, from admission to their one answer.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string_view>

#include "lib/call/active_call.hpp"
#include "lib/rpc/admission_pipeline.hpp"
#include "lib/rpc/call_deadlines.hpp"
#include "lib/rpc/call_log.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

class Batch;

// Starts calls and answers them. Everything happens on one I/O thread: completions come back to it, time
// limits pass on it, clients cancel and disconnect on it. So a call's answer is decided by answer(),
// once, without a race. Must outlive the thread's connections.
class CallExecutor final : public CallExpiry {
 public:
  // `only_thread`: there is no other I/O thread.
  CallExecutor(IoThread& io, AdmissionPipeline& admission_pipeline, bool only_thread);
  ~CallExecutor();

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
  // The same for a notification whose sender is gone, if there is room for it: see orphan().
  void start_orphan(NewCall&& call, TimePoint received, const std::shared_ptr<const Grant>& grant);

  // Answers a call now and stops what is being done for it. None of this throws.
  void abort(ActiveCall& call, const proto::Error& error);
  // The same as cancelled, but its owner gets no reply to send.
  void drop(ActiveCall& call);

  // Goes on with a call whose owner is gone (a notification: its sender need not stay for it). What senders
  // that are gone have left counts for no connection, and is bounded here: beyond that it is dropped.
  void orphan(ActiveCall& call);

  void expire(ActiveCall& call) override;

  // Keeps a batch whose client is gone until its notifications have run. False where there is no room for
  // those: then none of them is to run.
  bool adopt(std::list<std::unique_ptr<Batch>>& from, std::list<std::unique_ptr<Batch>>::iterator batch);
  void discard(Batch& batch);

  // Of calls and batches that are no connection's any more: whose clients are gone, or which were answered
  // while their handlers go on.
  std::size_t left_behind_bytes() const { return orphans_.bytes + abandoned_bytes_; }

  // Answers everything that is left; used at the end of a drain.
  void abort_orphans(const proto::Error& error);

  // Counts a message that is no call.
  void count_invalid(std::int64_t code);
  // Counts a message to the server itself, such as rpc.cancel.
  void count_control(const proto::Request& request, std::int64_t code);
  // Counts that a token was shown and not taken.
  void count_refused_token();

  IoThread& io() { return io_; }
  AdmissionPipeline& admission_pipeline() { return admission_pipeline_; }
  CallLog& log() { return log_; }

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
  MethodShard* counts_of(ActiveCall& call);

  // Of notifications, and of batches, whose senders are gone: the first, or as many of the largest messages
  // if those are more. One sender can't leave that much.
  static constexpr std::size_t kOrphanBytes = 16 * 1024 * 1024;
  static constexpr std::size_t kOrphanMessages = 4;

  struct Orphans final : CallOwner {
    void on_answer(ActiveCall& call, std::string&, std::int64_t) override {
      bytes -= call.request.text.size();
    }
    void on_answer_lost() override {}
    std::size_t bytes = 0;
  };
  bool take_orphan(std::size_t bytes);

  IoThread& io_;
  AdmissionPipeline& admission_pipeline_;
  MethodCache methods_;
  InlinePermitCache inline_permits_;
  CallDeadlines deadlines_;
  CallLog log_;
  Orphans orphans_;
  std::size_t abandoned_bytes_ = 0;  // of calls that were answered while their handlers go on
  std::list<std::unique_ptr<Batch>> orphan_batches_;
};

}  // namespace sluice::core
