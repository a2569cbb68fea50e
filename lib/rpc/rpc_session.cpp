#include "lib/rpc/rpc_session.hpp"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

#include "lib/events/subscription_set.hpp"

namespace sluice::core {

RpcSession::RpcSession(CallExecutor& executor, OrphanedCalls& orphans, ReplySink& sink)
    : executor_(executor),
      orphans_(orphans),
      sink_(sink),
      window_(executor.io().limits, sink),
      identity_(executor.admission_pipeline().access(), executor.stats(), sink),
      control_(identity_, *this, executor.stats()) {
  client = identity_.client();
}

RpcSession::~RpcSession() { disconnected(); }

// --- Messages

void RpcSession::receive(std::string_view text, const proto::Message& message, std::uint64_t exchange,
                         const CallDefaults& defaults) {
  if (message.is_batch()) return receive_batch(text, message, exchange, defaults);
  std::string scratch;
  CallExecutor::NewCall call = executor_.new_call();
  proto::Request& request = call->request;
  if (const auto invalid = proto::read_request(text, message.single, request, scratch)) {
    return refuse(invalid->error, exchange, invalid->id);
  }
  if (!defaults.header_error.empty()) {
    return refuse(proto::invalid_request(defaults.header_error), exchange,
                  request.is_notification() ? proto::kNullId : request.id);
  }
  defaults.apply(request);
  if (looks_ahead_ && must_wait() && !ControlMethods::is_control(request.method)) {
    return hold(text, message.single, exchange, defaults);
  }
  receive_call(std::move(call), exchange);
}

[[gnu::always_inline]] inline void RpcSession::receive_call(CallExecutor::NewCall&& call,
                                                            std::uint64_t exchange) {
  const proto::Request& request = call->request;
  if (disconnected_) {
    if (request.is_notification() && !control_.handle(request, grant().get())) {
      orphans_.start(std::move(call), executor_.io().now(), grant());
    }
    return;
  }
  const std::shared_ptr<const Grant>& granted = grant();
  if (ControlMethods::may_be_control(request.method)) {
    if (auto answer = control_.handle(request, granted.get()))
      return sink_.on_reply(exchange, answer->reply, answer->code);
  }
  window_.add_call(request.text.size());
  executor_.start(std::move(call), executor_.io().now(), granted, *this, exchange);
}

void RpcSession::receive_batch(std::string_view text, const proto::Message& message, std::uint64_t exchange,
                               const CallDefaults& defaults) {
  const std::size_t entries_max = executor_.io().limits.batch_entries_max;
  if (!defaults.header_error.empty()) return refuse(proto::invalid_request(defaults.header_error), exchange);
  if (message.entry_count == 0) return refuse(proto::invalid_request("a batch must have an entry"), exchange);
  if (message.entry_count > entries_max) return refuse(proto::batch_too_big(entries_max), exchange);
  const bool waits = looks_ahead_ && must_wait();
  const std::shared_ptr<const Grant>& granted = grant();
  const BatchSession session{*this, window_, control_, share_};
  batches_.push_back(std::make_unique<Batch>(executor_, session, text, message.entries, executor_.io().now(),
                                             granted, exchange, defaults));
  Batch& batch = *batches_.back();
  if (disconnected_) return orphans_.adopt(batches_, std::prev(batches_.end()));
  window_.add_batch(batch.held_bytes());
  if (waits && !batch.is_control()) return hold(batch);
  batch.advance();
}

void RpcSession::refuse(const proto::Error& error, std::uint64_t exchange, std::string_view id) {
  executor_.stats().count_invalid(error.code);
  if (disconnected_) return;
  std::string reply = proto::error_reply(id, error);
  sink_.on_reply(exchange, reply, error.code);
}

void RpcSession::resolve_caller() {
  identity_.resolve(executor_.io().now());
  client = identity_.client();
  identity_.report_unknown_certificate();
}

// --- Calls that wait for the window

void RpcSession::hold(std::string_view text, const proto::Envelope& envelope, std::uint64_t exchange,
                      const CallDefaults& defaults) {
  held_.push({std::string(text), envelope, grant(), exchange, defaults.timeout,
              std::string(defaults.traceparent), nullptr, 0, 0});
}

void RpcSession::hold(Batch& batch) {
  HeldCall held;
  held.batch = &batch;
  held.batch_bytes = batch.held_bytes();
  held_.push(std::move(held));
  window_.hold_batch(batch.held_bytes());
}

// Its request lies in `held`. It was valid when it was held.
CallExecutor::NewCall RpcSession::call_of(const HeldCall& held, std::string& scratch) {
  CallExecutor::NewCall call = executor_.new_call();
  static_cast<void>(proto::read_request(held.text, held.envelope, call->request, scratch));
  CallDefaults{held.timeout, held.traceparent, {}}.apply(call->request);
  return call;
}

// Its time counts from here on, as that of a message that was not read before.
void RpcSession::start_held() {
  while (!held_.empty() && !window_full()) {
    const HeldCall next = held_.pop();
    if (next.batch != nullptr) {
      window_.begin_held_batch(next.batch_bytes);
      next.batch->advance();
      continue;
    }
    std::string scratch;
    CallExecutor::NewCall call = call_of(next, scratch);
    window_.add_call(call->request.text.size());
    executor_.start(std::move(call), executor_.io().now(), next.grant, *this, next.exchange);
  }
}

bool RpcSession::cancel_held(const CancelTarget& target) {
  const auto cancelled = held_.take(target);
  if (!cancelled) return false;
  const proto::Error error = proto::cancelled();
  std::string reply;
  if (!target.silent) reply = proto::error_reply(cancelled->id(), error);
  sink_.on_reply(cancelled->exchange, reply, error.code);
  return true;
}

// Batches are ended with the others.
void RpcSession::abort_held(const proto::Error& error) {
  window_.begin_held_batches();
  while (!held_.empty()) {
    const HeldCall next = held_.pop();
    if (next.batch != nullptr) continue;
    std::string reply;
    if (!next.is_notification()) reply = proto::error_reply(next.id(), error);
    sink_.on_reply(next.exchange, reply, error.code);
  }
}

// The client is gone: only notifications run. Batches are orphaned with the others.
void RpcSession::orphan_held() {
  while (!held_.empty()) {
    const HeldCall next = held_.pop();
    if (next.batch != nullptr || !next.is_notification()) continue;
    try {
      std::string scratch;
      orphans_.start(call_of(next, scratch), executor_.io().now(), next.grant);
    } catch (const std::bad_alloc&) {
      // There is no client to be answered.
    }
  }
}

// --- Answers

void RpcSession::on_answer(ActiveCall& call, std::string& reply, std::int64_t code) {
  window_.remove_call(call.request.text.size());
  if (disconnected_) return;
  if (subscribed_ != nullptr) [[unlikely]]
    return answer_subscriber(call, reply, code);
  sink_.on_reply(call.tag, reply, code);
}

// Apart, so that other answers save no registers for it.
[[gnu::noinline]] void RpcSession::answer_subscriber(const ActiveCall& call, std::string& reply,
                                                     std::int64_t code) {
  begin_events(&call, code);
  sink_.on_reply(call.tag, reply, code);
}

void RpcSession::on_answer_lost() {
  if (!disconnected_) sink_.on_reply_lost();
}

void RpcSession::on_batch_finished(Batch& batch, std::string& reply) {
  const auto found = std::ranges::find(batches_, &batch, &std::unique_ptr<Batch>::get);
  const std::unique_ptr<Batch> finished = std::move(*found);
  batches_.erase(found);
  window_.remove_batch(finished->held_bytes());
  if (disconnected_) return;
  try {
    if (subscribed_ != nullptr) begin_events(finished.get(), 0);
    sink_.on_reply(finished->exchange(), reply, 0);
  } catch (const std::bad_alloc&) {
    // Not for the caller, who would ask the batch, which is gone by then.
    sink_.on_reply_lost();
  }
}

// --- Subscriptions

EventTarget RpcSession::event_target(const ActiveCall& call) { return event_target_of(&call); }
EventTarget RpcSession::event_target_of(Batch& batch) {
  return event_target_of(static_cast<const void*>(&batch));
}

EventTarget RpcSession::event_target_of(const void* message) {
  if (disconnected_) return {};
  subscribed_ = sink_.subscriptions();
  return {subscribed_, reinterpret_cast<std::uintptr_t>(message)};
}

// A call that was answered with an error, as when it was cancelled, has not subscribed.
void RpcSession::begin_events(const void* message, std::int64_t code) {
  const auto exchange = reinterpret_cast<std::uintptr_t>(message);
  if (code != 0) return subscribed_->not_replied(exchange);
  subscribed_->replied(exchange, executor_.io().now());
}

bool RpcSession::unsubscribe(std::string_view id) {
  return subscribed_ != nullptr && subscribed_->unsubscribe(id);
}

bool RpcSession::cancel(const CancelTarget& target) {
  return executor_.cancel(*this, target) || cancel_held(target) ||
         std::ranges::any_of(batches_, [&](const auto& batch) { return batch->cancel(target); });
}

void RpcSession::disconnected() {
  if (disconnected_) return;
  disconnected_ = true;
  subscribed_ = nullptr;
  orphan_held();
  calls.for_each([this](ActiveCall& call) {
    if (call.request.is_notification()) {
      orphans_.adopt(call);
    } else {
      executor_.drop(call);
    }
  });
  while (!batches_.empty()) orphans_.adopt(batches_, std::prev(batches_.end()));
  window_.clear();
}

void RpcSession::abort_all(const proto::Error& error) {
  abort_held(error);
  while (ActiveCall* const call = calls.front()) executor_.abort(*call, error);
  // Each ends with that, or goes on for as many time slices as its reply takes.
  for (auto next = batches_.begin(); next != batches_.end();) {
    Batch& batch = **next++;
    batch.abort_all(error);
  }
}

bool RpcSession::reply_due() {
  const auto request = [](const ActiveCall& call) { return !call.request.is_notification(); };
  return calls.find_if(request) != nullptr || held_.reply_due() ||
         std::ranges::any_of(batches_, [](const auto& batch) { return batch->reply_due(); });
}

}  // namespace sluice::core
