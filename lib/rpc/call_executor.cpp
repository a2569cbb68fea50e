#include "lib/rpc/call_executor.hpp"

#include <algorithm>
#include <new>

#include "lib/call/async_handler.hpp"
#include "proto/response_writer.hpp"

namespace sluice::core {

using Stage = ActiveCall::Stage;

namespace {

// The code of a call whose error could not be composed either.
constexpr auto kLost = static_cast<std::int64_t>(proto::ErrorCode::internal_error);

}  // namespace

CallExecutor::CallExecutor(IoThread& io, AdmissionPipeline& admission_pipeline, bool only_thread)
    : io_(io),
      admission_pipeline_(admission_pipeline),
      methods_(admission_pipeline.registry(), io),
      inline_permits_(io, only_thread),
      deadlines_(io),
      log_(io),
      stats_(io.metrics(), admission_pipeline.metrics(), log_),
      note_delivery_(io.metrics()) {
  io_.workers().on_completed([this](ActiveCall& call) { on_completed(call); });
  io_.workers().on_notes([this](CallNotes& notes) { deliver_notes(notes); });
}

void CallExecutor::start(NewCall&& started, TimePoint received, const std::shared_ptr<const Grant>& grant,
                         CallOwner& owner, std::uint64_t tag) {
  ActiveCall& call = *started.release();
  call.received = received;
  call.grant = grant;
  call.response_bytes_max = io_.limits.response_bytes_max;
  call.owner = &owner;
  call.client = owner.client;
  call.tag = tag;
  call.expiry = this;
  owner.calls.push_back(call);
  if (admit(call)) return begin(call);
  answer(call, call.code, call.reply);
}

// False where the call is to be answered with the error that it has got. Inlined, as all that every call
// passes once here, in RpcSession, AdmissionPipeline and WorkerPool: what functions of their own would save
// and restore is 100 of a call's 2,000 instructions.
[[gnu::always_inline]] inline bool CallExecutor::admit(ActiveCall& call) {
  try {
    const auto admitted = admission_pipeline_.admit(call, methods_, inline_permits_, io_);
    if (!admitted) compose_error(call, admitted.error());
    return admitted.has_value();
  } catch (const std::bad_alloc&) {
    // Only for composing the refusal: what is admitted allocates nothing.
    compose_internal_error(call);
    return false;
  }
}

[[gnu::always_inline]] inline void CallExecutor::begin(ActiveCall& call) {
  const HandlerKind kind = call.method->spec().kind;
  // Not for calls that only wait, or all that do would hold memory.
  const bool runs =
      kind == HandlerKind::blocking ? io_.workers().has_spare() : kind == HandlerKind::inline_io;
  if (const MethodShard* const counts = runs ? counts_of(call) : nullptr)
    io_.buffers().widen(call.reply, counts->large_reply_bytes);
  if (kind == HandlerKind::inline_io) return run_inline(call);
  if (!prepare(call)) {
    if (kind == HandlerKind::blocking) io_.workers().release_slot(call.worker);
    call.permit.release();
    compose_internal_error(call);
    answer(call, call.code, call.reply);
    return;
  }
  deadlines_.watch(call);
  if (kind == HandlerKind::blocking) io_.workers().enqueue(call);
}

[[gnu::always_inline]] inline void CallExecutor::run_inline(ActiveCall& call) {
  call.started = io_.handler_begins();
  run_handler(call);
  call.finished = io_.handler_ended();
  inline_permits_.end(call);
  on_completed(call);
}

// What memory may not suffice for, before anything else has the call. A call for an AsyncHandler is started
// by it.
[[gnu::always_inline]] inline bool CallExecutor::prepare(ActiveCall& call) {
  try {
    keep_text(call);
    const MethodSpec& spec = call.method->spec();
    if (spec.kind != HandlerKind::async) return true;
    call.home = &io_.workers();
    call.started = std::max(Clock::now(), call.received);
    call.stage = Stage::async;
    // Once it has begun, the outcome is another's to write.
    spec.async->start(call, io_.context());
    return true;
  } catch (const std::bad_alloc&) {
    call.stage = Stage::starting;
    if (call.notes.load(std::memory_order_relaxed) != nullptr) note_delivery_.finish(call);
    return false;
  }
}

// A long text is not copied if that can be helped.
void CallExecutor::keep_text(ActiveCall& call) {
  if (call.request.text.size() > BufferPool::kBufferBytesMax) {
    std::string* const spent = call.owner->reusable_buffer();
    if (spent != nullptr && call.take_text(*spent)) return;
    io_.buffers().widen(call.text, call.request.text.size());
  }
  call.keep_text();
}

// The handler has ended, on whichever thread. If the call was answered meanwhile, its outcome is dropped.
void CallExecutor::on_completed(ActiveCall& call) {
  // Before the client can have its answer, so that its next call is not refused for this permit. Not where
  // the handler ended: between what it wrote and its completion, two locked instructions are 1.5 % of a call.
  call.permit.release();
  const bool handed_over = std::exchange(call.stage, Stage::ended) != Stage::starting;
  if (handed_over) io_.metrics().count_returned(call.started - call.received, call.finished - call.started);
  if (MethodShard* const counts = counts_of(call)) {
    if (handed_over) counts->mean_run_time.observe(call.finished - call.started);
    counts->queue_time.observe(call.started - call.received);
    counts->run_time.observe(call.finished - call.started);
  }
  if (call.notes.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
    note_delivery_.finish(call);
  if (call.answered) {
    log_.returned_late(call);
    io_.metrics().abandoned.add(-1);
    abandoned_bytes_ -= call.text.capacity();
    recycle(call);
  } else {
    answer(call, call.code, call.reply);
  }
}

// The only function that gives a call its answer. An empty reply where one is due is an answer that was lost.
[[gnu::always_inline]] inline void CallExecutor::answer(ActiveCall& call, std::int64_t code,
                                                        std::string& reply) {
  call.answered = true;
  io_.clear_deadline(call);
  if (MethodShard* const counts = counts_of(call)) {
    counts->count(code);
    counts->large_reply_bytes = reply.size() > BufferPool::kBufferBytesMax ? reply.size() + 1 : 0;
  }
  log_.answered(call, code, reply.size());
  static_cast<ListHook<OwnerTag>&>(call).unlink();
  CallOwner* const owner = std::exchange(call.owner, nullptr);
  const bool due = !call.request.is_notification();
  try {
    if (owner != nullptr && due && reply.empty() && code == kLost) owner->on_answer_lost();
    if (!due) reply.clear();
    if (owner != nullptr) owner->on_answer(call, reply, code);
  } catch (const std::bad_alloc&) {
    owner->on_answer_lost();
  }
  if (call.stage == Stage::starting || call.stage == Stage::ended) recycle(call);
}

[[gnu::always_inline]] inline void CallExecutor::recycle(ActiveCall& call) {
  methods_.unpin(call);
  io_.calls().give(&call);
}

void CallExecutor::abort(ActiveCall& call, const proto::Error& error) {
  std::string reply;
  std::int64_t code = error.code;
  try {
    // Composed first: nothing that follows can fail when memory runs out.
    reply = proto::error_reply(call.request.id, error);
  } catch (const std::bad_alloc&) {
    code = kLost;
  }
  stop(call, code, reply);
}

void CallExecutor::drop(ActiveCall& call) {
  std::string none;
  stop(call, static_cast<std::int64_t>(proto::ErrorCode::cancelled), none);
}

bool CallExecutor::cancel(CallOwner& owner, const CancelTarget& target) {
  ActiveCall* const call = owner.calls.find_if([&](ActiveCall& each) { return is_target(each, target); });
  if (call == nullptr) return false;
  target.silent ? drop(*call) : abort(*call, proto::cancelled());
  return true;
}

void CallExecutor::stop(ActiveCall& call, std::int64_t code, std::string& reply) {
  if (io_.workers().cancel_queued(call)) {
    call.permit.release();
    call.stage = Stage::ended;
    answer(call, code, reply);
    return;
  }
  // The handler has begun: the caller gets its answer now, the permit stays taken until it really ends.
  io_.metrics().abandoned.add(1);
  abandoned_bytes_ += call.text.capacity();
  answer(call, code, reply);
  if (call.notes.load(std::memory_order_relaxed) != nullptr) NoteDelivery::close(call);
  // Last: this is the handler's code.
  const bool async = call.stage == Stage::async;
  call.cancellation.request();
  if (async) call.method->spec().async->stop(call);
}

// Must not throw: other deadlines pass in the same tick.
void CallExecutor::expire(ActiveCall& call) {
  try {
    abort(call, proto::timed_out(call.timeout));
  } catch (const std::bad_alloc&) {
    // Nothing but the text above can have thrown.
    std::string none;
    stop(call, kLost, none);
  }
}

// Null where memory does not suffice for a method's first call; an answer is worth more than its being
// counted.
MethodShard* CallExecutor::find_counts(ActiveCall& call) {
  try {
    return call.counts = &io_.metrics().method(metrics_of(call));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

// A name under a route counts on its own from its first result on.
MethodMetrics& CallExecutor::metrics_of(const ActiveCall& call) {
  if (call.method == nullptr) return admission_pipeline_.metrics().unknown();
  // Only methods are held that have the name of the call.
  if (call.hold != nullptr || call.method->spec().name == call.request.method) return call.method->metrics();
  const bool has_result =
      call.stage == Stage::ended && !call.answered && call.code == 0 && !call.request.is_notification();
  MethodMetrics* const own =
      has_result ? admission_pipeline_.registry().learn(*call.method, call.request.method) : nullptr;
  return own != nullptr ? *own : call.method->metrics();
}

}  // namespace sluice::core
