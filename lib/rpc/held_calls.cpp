// Calls that an RpcSession holds beyond its window.
#include <algorithm>
#include <new>
#include <utility>

#include "lib/rpc/batch.hpp"
#include "lib/rpc/rpc_session.hpp"

namespace sluice::core {

void RpcSession::hold(std::string_view text, const proto::Envelope& envelope, std::uint64_t exchange,
                      const CallDefaults& defaults) {
  held_.push_back({std::string(text), envelope, grant(), exchange, defaults.timeout,
                   std::string(defaults.traceparent), nullptr, 0, 0});
  held_text_bytes_ += text.size();
}

void RpcSession::hold(Batch& batch) {
  Held& held = held_.emplace_back();
  held.batch = &batch;
  held.batch_bytes = batch.held_bytes();
  ++held_batches_;
  held_batch_bytes_ += held.batch_bytes;
}

RpcSession::Held RpcSession::take_held(std::list<Held>::iterator at) {
  Held taken = std::move(*at);
  held_.erase(at);
  held_text_bytes_ -= taken.text.size();
  return taken;
}

// Its request lies in `held`. It was valid when it was held.
CallExecutor::NewCall RpcSession::call_of(const Held& held, std::string& scratch) {
  CallExecutor::NewCall call = executor_.new_call();
  static_cast<void>(proto::read_request(held.text, held.envelope, call->request, scratch));
  CallDefaults{held.timeout, held.traceparent, {}}.apply(call->request);
  return call;
}

// Its time counts from here on, as that of a message that was not read before.
void RpcSession::start_held() {
  while (!held_.empty() && !window_full()) {
    const Held next = take_held(held_.begin());
    if (next.batch != nullptr) {
      --held_batches_;
      held_batch_bytes_ -= next.batch_bytes;
      next.batch->advance();
      continue;
    }
    std::string scratch;
    CallExecutor::NewCall call = call_of(next, scratch);
    ++in_flight_;
    bytes_in_flight_ += call->request.text.size();
    executor_.start(std::move(call), executor_.io().now(), next.grant, *this, next.exchange);
  }
}

bool RpcSession::cancel_held(const CancelTarget& target) {
  const auto found = std::ranges::find_if(held_, [&](Held& each) {
    if (each.batch != nullptr || !each.envelope.id.present()) return false;
    const std::string_view id = each.envelope.id.in(each.text);
    if (each.id_hash == 0) each.id_hash = hash_of_id(id);
    return each.id_hash == target.hash && same_id(id, target.id) && target.may_reach(each.grant.get());
  });
  if (found == held_.end()) return false;
  const Held cancelled = take_held(found);
  const proto::Error error = proto::cancelled();
  std::string reply;
  if (!target.silent) reply = proto::error_reply(cancelled.envelope.id.in(cancelled.text), error);
  sink_.on_reply(cancelled.exchange, reply, error.code);
  return true;
}

// Answers held calls with the error; with none the client is gone, and only notifications run. Batches are
// ended with the others.
void RpcSession::drop_held(const proto::Error* error) {
  held_batches_ = held_batch_bytes_ = 0;
  while (!held_.empty()) {
    const Held next = take_held(held_.begin());
    if (next.batch != nullptr) continue;
    const bool notification = !next.envelope.id.present();
    if (error != nullptr) {
      std::string reply;
      if (!notification) reply = proto::error_reply(next.envelope.id.in(next.text), *error);
      sink_.on_reply(next.exchange, reply, error->code);
    } else if (notification) {
      try {
        std::string scratch;
        executor_.start_orphan(call_of(next, scratch), executor_.io().now(), next.grant);
      } catch (const std::bad_alloc&) {
        // There is nobody to be answered.
      }
    }
  }
}

}  // namespace sluice::core
