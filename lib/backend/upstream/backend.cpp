#include "lib/backend/upstream/backend.hpp"

#include "lib/backend/retry_hint.hpp"

namespace sluice::core {

UpstreamBackend::UpstreamBackend(BackendHub& hub, BackendSettings settings, Files files,
                                 std::shared_ptr<BackendMetrics> metrics,
                                 UpstreamDiscovery::Discovered discovered)
    : hub_(hub),
      settings_(std::move(settings)),
      metrics_(std::move(metrics)),
      retries_(settings_.upstream->retry, settings_.upstream->urls.size()),
      hedges_(settings_.upstream->hedge),
      discovery_(hub, *this, settings_.name, settings_.discover, std::move(discovered)),
      headers_(std::move(files.headers)),
      authorities_(std::make_shared<UpstreamAuthorities>(std::move(files.authorities))) {
  UpstreamEndpoint::Owner& owner = *this;
  for (std::size_t i = 0; i < settings_.upstream->urls.size(); ++i) {
    balancer_.add(
        std::make_unique<UpstreamEndpoint>(hub_, settings_, i, authorities_, headers_, *metrics_, owner));
  }
}

void UpstreamBackend::start() {
  for (const auto& endpoint : balancer_.endpoints()) endpoint->start();
}

UpstreamCall* UpstreamBackend::find(const BackendCall& call) {
  const auto found = calls_.find(call.serial);
  return found == calls_.end() ? nullptr : &found->second;
}

void UpstreamBackend::submit(BackendCall& call) {
  UpstreamCall& added = calls_.try_emplace(call.serial, call).first->second;
  retries_.note_call(hub_.now());
  wait(added);
}

void UpstreamBackend::wait(UpstreamCall& call) {
  leave_lists(call);
  call.call.waits_since = hub_.now();
  waiting_.push_back(call.call, call.call.call.priority);
  on_change();
}

// Whatever it has waited for so far: a second connection, too, where its first attempt fails meanwhile.
void UpstreamBackend::leave_lists(UpstreamCall& call) {
  call.timer = UpstreamCall::Timer::none;
  hub_.io().clear_deadline(call.call);
  static_cast<BackendCall::QueueHook&>(call.call).unlink();
}

// At the iteration's end: what ends now is not in use further up the stack.
void UpstreamBackend::on_deferred() {
  if (!ended_) dispatch();
  if (!retiring_ || !calls_.empty() || ended_) return;
  ended_ = true;
  for (const auto& endpoint : balancer_.endpoints()) endpoint->end();
  hub_.look_at_retired();
}

void UpstreamBackend::dispatch() {
  assign_unread();
  assign_waiting();
  if ((!waiting_.empty() || !unread_.empty()) && balancer_.hopeless()) refuse_waiting();
  balancer_.open_for(waiting_calls());
  if (discovery_.due() && !retiring_) discover();
  IntrusiveList<BackendCall, BackendQueueTag> due;
  due.take_all(to_hedge_);
  while (BackendCall* const call = due.pop_front()) hedge(*find(*call));
  show_breaker();
}

void UpstreamBackend::assign_waiting() {
  bool full = false;
  Target found;
  const auto may_go = [&](const BackendCall& call) {
    const UpstreamCall* const waiting = full ? nullptr : find(call);
    if (waiting == nullptr) return false;
    found = balancer_.pick_avoiding(waiting->failed);
    // A call that waits for a certain endpoint does not keep others from theirs.
    full = !found && waiting->failed == nullptr;
    return static_cast<bool>(found);
  };
  waiting_.set_fair(hub_.fair());
  while (BackendCall* const taken = waiting_.take_if(hub_.now(), may_go)) {
    balancer_.open_for_balance(*found.endpoint);
    start_try(*find(*taken), found);
  }
}

// Before all others, which would take the connections that these wait for. Where there can be none, any other
// has to do.
void UpstreamBackend::assign_unread() {
  IntrusiveList<BackendCall, BackendQueueTag> due;
  due.take_all(unread_);
  while (BackendCall* const taken = due.pop_front()) {
    Target found = balancer_.pick_fresh();
    if (!found && !balancer_.open_fresh()) found = balancer_.pick();
    if (found) {
      start_try(*find(*taken), found);
    } else {
      unread_.push_back(*taken);
    }
  }
}

void UpstreamBackend::start_try(UpstreamCall& call, const Target& target) {
  if (++call.tries == 1) call.call.begin(hub_.now());
  send(call, call.attempts[0], target);
}

void UpstreamBackend::send(UpstreamCall& call, UpstreamAttempt& attempt, const Target& target) {
  attempt.call = &call;
  target.endpoint->send(attempt, *target.connection, call.call.call);
  if (!attempt.under_way()) return finish(call, nullptr, nullptr);
  if (&attempt == &call.attempts[0]) hedge_later(call);
}

void UpstreamBackend::hedge_later(UpstreamCall& call) {
  const ActiveCall& active = call.call.call;
  const auto delay = hedges_.delay(active.request.method, active.method->permits().name);
  if (!delay || active.request.is_notification()) return;
  call.timer = UpstreamCall::Timer::hedge;
  hub_.io().set_deadline(call.call, hub_.now() + *delay);
}

// The second request goes to another endpoint if it can, and over another connection in any case.
void UpstreamBackend::hedge(UpstreamCall& call) {
  const UpstreamAttempt& first = call.attempts[0];
  if (!first.under_way() || call.attempts[1].under_way()) return;
  const Target found = balancer_.pick(first.endpoint, first.connection);
  if (!found) {
    if (balancer_.open_elsewhere(nullptr)) to_hedge_.push_back(call.call);
    return;
  }
  if (!retries_.may_hedge(hub_.now())) return;
  metrics_->retries.fetch_add(1, std::memory_order_relaxed);
  send(call, call.attempts[1], found);
}

void UpstreamBackend::discover() {
  const Target found = balancer_.pick();
  if (found) return discovery_.ask(*found.endpoint, *found.connection);
  balancer_.open_elsewhere(nullptr);
}

std::size_t UpstreamBackend::waiting_calls() {
  std::size_t count = 0;
  unread_.for_each([&](BackendCall&) { ++count; });
  waiting_.for_each([&](BackendCall&) { ++count; });
  return count;
}

void UpstreamBackend::refuse_waiting() {
  const proto::Error error = refusal();
  while (BackendCall* const call = unread_.pop_front()) finish(*find(*call), nullptr, &error);
  while (BackendCall* const call = waiting_.pop(hub_.now())) finish(*find(*call), nullptr, &error);
}

proto::Error UpstreamBackend::refusal() const {
  const milliseconds after = balancer_.retry_after();
  return balancer_.all_down() ? proto::backend_down(settings_.name, after)
                              : proto::circuit_open(settings_.name, after);
}

void UpstreamBackend::on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) {
  if (discovery_.owns(attempt)) return discovery_.on_reply(reply);
  UpstreamCall& call = *attempt.call;
  if (is_retryable(reply.error_code)) {
    call.failed = attempt.endpoint;
    if (call.under_way() || retry_later(call, {})) return;
  } else {
    const ActiveCall& active = call.call.call;
    hedges_.observe(active.request.method, active.method->permits().name,
                    hub_.now() - call.attempts[0].began);
  }
  finish(call, &reply, nullptr);
}

void UpstreamBackend::on_failure(UpstreamAttempt& attempt, UpstreamFailure how) {
  if (discovery_.owns(attempt)) return discovery_.on_failure();
  UpstreamCall& call = *attempt.call;
  if (how == UpstreamFailure::reply_too_big) {
    const auto error = proto::response_too_big(hub_.limits().response_bytes_max);
    return finish(call, nullptr, &error);
  }
  if (how == UpstreamFailure::unread && call.unread++ < kUnreadMax) {
    if (!call.under_way()) wait_for_fresh(call);
    return;
  }
  call.failed = attempt.endpoint;
  if (call.under_way()) return;  // the other of two may yet succeed
  if (how == UpstreamFailure::unsent) return wait_again(call);
  if (retry_later(call, attempt.retry_after)) return;
  const bool asked = attempt.retry_after > milliseconds(0);
  const auto error =
      proto::backend_down(settings_.name, asked ? attempt.retry_after : balancer_.retry_after());
  finish(call, nullptr, &error);
}

// It never left, so that it does not count.
void UpstreamBackend::wait_again(UpstreamCall& call) {
  --call.tries;
  wait(call);
}

// Nor does one that was not read.
void UpstreamBackend::wait_for_fresh(UpstreamCall& call) {
  --call.tries;
  leave_lists(call);
  unread_.push_back(call.call);
  on_change();
}

// Whether the call will be tried again. `asked`: for how long its server wants to get no calls.
bool UpstreamBackend::retry_later(UpstreamCall& call, milliseconds asked) {
  if (call.call.stopped) return false;
  const ActiveCall& active = call.call.call;
  const auto again = retries_.next_try({active.request.method, call.tries, active.deadline, asked},
                                       hub_.now(), hub_.random_bits());
  if (!again) return false;
  metrics_->retries.fetch_add(1, std::memory_order_relaxed);
  call.timer = UpstreamCall::Timer::retry;
  hub_.io().set_deadline(call.call, *again);
  return true;
}

void UpstreamBackend::on_unanswered(BackendCall& call, TimePoint) {
  if (discovery_.owns(call)) {
    discovery_.on_unanswered();
    return on_change();
  }
  UpstreamCall* const found = find(call);
  if (found == nullptr) return;
  const auto timer = std::exchange(found->timer, UpstreamCall::Timer::none);
  if (timer == UpstreamCall::Timer::retry) wait(*found);
  if (timer == UpstreamCall::Timer::hedge) hedge(*found);
}

void UpstreamBackend::stop_call(BackendCall& call) {
  UpstreamCall* const found = find(call);
  if (found == nullptr) return;
  finish(*found, nullptr, nullptr);
}

// Ends all that is done for the call, and completes it.
void UpstreamBackend::finish(UpstreamCall& call, const proto::Reply* reply, const proto::Error* error) {
  BackendCall& given = call.call;
  const bool unanswered = given.stopped && given.unanswered(hub_.now());
  for (UpstreamAttempt& attempt : call.attempts) {
    if (attempt.under_way()) attempt.endpoint->stop(attempt, unanswered);
  }
  static_cast<BackendCall::QueueHook&>(given).unlink();
  calls_.erase(given.serial);
  // A notification that is not answered runs there for who knows how long.
  const bool measured = given.begun && !given.call.request.is_notification();
  if (measured) metrics_->run_time.observe(hub_.now() - given.call.started);
  hub_.finish(given, reply, error);
  on_change();
}

void UpstreamBackend::show_breaker() {
  metrics_->breaker_state.store(most_willing_state(balancer_.endpoints()), std::memory_order_relaxed);
}

void UpstreamBackend::renew() {
  authorities_->renew();
  for (const auto& endpoint : balancer_.endpoints()) endpoint->renew();
  on_change();
}

void UpstreamBackend::retire(bool kill) {
  retiring_ = true;
  while (kill && !calls_.empty()) {
    const auto error = proto::backend_down(settings_.name, kUnknownRetry);
    finish(calls_.begin()->second, nullptr, &error);
  }
  on_change();
}

}  // namespace sluice::core
