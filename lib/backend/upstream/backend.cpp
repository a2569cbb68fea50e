#include "lib/backend/upstream/backend.hpp"

#include <algorithm>

#include "lib/backend/retry_hint.hpp"

namespace sluice::core {

UpstreamBackend::UpstreamBackend(BackendHub& hub, BackendSettings settings, Files files,
                                 std::shared_ptr<BackendMetrics> metrics,
                                 UpstreamDiscovery::Discovered discovered)
    : hub_(hub),
      settings_(std::move(settings)),
      metrics_(std::move(metrics)),
      retried_(settings_.upstream->retry.methods),
      backoff_(settings_.upstream->retry.backoff, kLongestWait),
      hedges_(settings_.upstream->hedge),
      discovery_(hub, *this, settings_.name, settings_.discover, std::move(discovered)),
      headers_(std::move(files.headers)),
      authorities_(std::make_shared<UpstreamAuthorities>(std::move(files.authorities))) {
  UpstreamEndpoint::Owner& owner = *this;
  for (std::size_t i = 0; i < settings_.upstream->urls.size(); ++i) {
    endpoints_.push_back(
        std::make_unique<UpstreamEndpoint>(hub_, settings_, i, authorities_, headers_, *metrics_, owner));
  }
}

void UpstreamBackend::start() {
  for (const auto& endpoint : endpoints_) endpoint->start();
}

UpstreamCall* UpstreamBackend::find(const BackendCall& call) {
  const auto found = calls_.find(call.serial);
  return found == calls_.end() ? nullptr : &found->second;
}

void UpstreamBackend::submit(BackendCall& call) {
  UpstreamCall& added = calls_.try_emplace(call.serial, call).first->second;
  budget_.deposit(hub_.now());
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
  for (const auto& endpoint : endpoints_) endpoint->end();
  hub_.look_at_retired();
}

void UpstreamBackend::dispatch() {
  assign_unread();
  assign_waiting();
  if ((!waiting_.empty() || !unread_.empty()) && hopeless()) refuse_waiting();
  open_for_waiting();
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
    found = target_for(*waiting);
    // A call that waits for a certain URL does not keep others from theirs.
    full = found.endpoint == nullptr && waiting->failed == nullptr;
    return found.endpoint != nullptr;
  };
  waiting_.set_fair(hub_.fair());
  while (BackendCall* const taken = waiting_.take_if(hub_.now(), may_go)) {
    UpstreamCall& call = *find(*taken);
    open_for_balance(*found.endpoint);
    if (++call.tries == 1) taken->begin(hub_.now());
    send(call, call.attempts[0], found);
  }
}

// Before all others, which would take the connections that these wait for. Where there can be none, any other
// has to do.
void UpstreamBackend::assign_unread() {
  IntrusiveList<BackendCall, BackendQueueTag> due;
  due.take_all(unread_);
  while (BackendCall* const taken = due.pop_front()) {
    Target found = fresh_target();
    if (found.endpoint == nullptr && !fresh_to_come()) found = find_target(nullptr, nullptr);
    if (found.endpoint == nullptr) {
      unread_.push_back(*taken);
      continue;
    }
    UpstreamCall& call = *find(*taken);
    if (++call.tries == 1) taken->begin(hub_.now());
    send(call, call.attempts[0], found);
  }
}

UpstreamBackend::Target UpstreamBackend::target_for(const UpstreamCall& call) {
  const Target found = find_target(call.failed, nullptr);
  const bool waits_for_other =
      found.endpoint != nullptr && found.endpoint == call.failed && other_to_come(call.failed);
  return waits_for_other ? Target{} : found;
}

UpstreamBackend::Target UpstreamBackend::fresh_target() {
  for (const auto& each : endpoints_) {
    UpstreamConnection* const found = each->allows() ? each->fresh_connection() : nullptr;
    if (found != nullptr) return {each.get(), found};
  }
  return {};
}

bool UpstreamBackend::fresh_to_come() {
  return std::ranges::any_of(endpoints_, [](const auto& each) {
    return each->allows() && (each->room_to_come() > 0 || each->open_one() || each->may_grow());
  });
}

// A connection with room, where there is least to do; `last_choice` only if there is no other.
UpstreamBackend::Target UpstreamBackend::find_target(const UpstreamEndpoint* last_choice,
                                                     const UpstreamConnection* except) {
  Target best;
  ++next_;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    UpstreamEndpoint& each = *endpoints_[(next_ + i) % endpoints_.size()];
    UpstreamConnection* const found = each.allows() ? each.connection_with_room(except) : nullptr;
    if (found == nullptr) continue;
    const bool better = best.endpoint == nullptr || best.endpoint == last_choice ||
                        (&each != last_choice && each.in_flight() < best.endpoint->in_flight());
    if (better) best = {&each, found};
  }
  return best;
}

// Whether there will be a connection to another URL, or none that is known to fail.
bool UpstreamBackend::other_to_come(const UpstreamEndpoint* than) {
  return std::ranges::any_of(endpoints_, [than](const auto& each) {
    return each.get() != than && each->allows() && (each->room_to_come() > 0 || each->open_one());
  });
}

// A URL that has less to do, and lacks but a connection, is to have its share of the next calls.
void UpstreamBackend::open_for_balance(const UpstreamEndpoint& busy) {
  for (const auto& each : endpoints_) {
    if (each->allows() && each->in_flight() < busy.in_flight() && each->room_to_come() == 0 &&
        each->connection_with_room() == nullptr) {
      each->open_one();
    }
  }
}

void UpstreamBackend::send(UpstreamCall& call, UpstreamAttempt& attempt, const Target& target) {
  attempt.call = &call;
  target.endpoint->send(attempt, *target.connection, call.call.call);
  if (!attempt.under_way()) return finish(call, nullptr, nullptr);
  if (&attempt == &call.attempts[0]) hedge_later(call);
}

void UpstreamBackend::hedge_later(UpstreamCall& call) {
  const ActiveCall& active = call.call.call;
  const auto delay = hedges_.delay(active.request.method, active.method->spec().name);
  if (!delay || active.request.is_notification()) return;
  call.timer = UpstreamCall::Timer::hedge;
  hub_.io().set_deadline(call.call, hub_.now() + *delay);
}

// The second request goes to another URL if it can, and over another connection in any case.
void UpstreamBackend::hedge(UpstreamCall& call) {
  const UpstreamAttempt& first = call.attempts[0];
  if (!first.under_way() || call.attempts[1].under_way()) return;
  const Target found = find_target(first.endpoint, first.connection);
  if (found.endpoint == nullptr) {
    if (other_to_come(nullptr)) to_hedge_.push_back(call.call);
    return;
  }
  if (!budget_.try_withdraw(hub_.now())) return;
  metrics_->retries.fetch_add(1, std::memory_order_relaxed);
  send(call, call.attempts[1], found);
}

void UpstreamBackend::discover() {
  const Target found = find_target(nullptr, nullptr);
  if (found.endpoint != nullptr) return discovery_.ask(*found.endpoint, *found.connection);
  other_to_come(nullptr);
}

void UpstreamBackend::open_for_waiting() {
  std::size_t wanted = 0;
  unread_.for_each([&](BackendCall&) { ++wanted; });
  waiting_.for_each([&](BackendCall&) { ++wanted; });
  for (const auto& endpoint : endpoints_) {
    const std::size_t coming = endpoint->room_to_come();
    wanted -= std::min(wanted, coming);
  }
  for (const auto& endpoint : endpoints_) {
    while (wanted > 0 && endpoint->allows()) {
      const std::size_t coming = endpoint->room_to_come();
      if (!endpoint->open_one()) break;
      wanted -= std::min(wanted, endpoint->room_to_come() - coming);
    }
  }
}

bool UpstreamBackend::hopeless() const {
  return std::ranges::none_of(endpoints_, [](const auto& each) { return each->may_accept_soon(); });
}

void UpstreamBackend::refuse_waiting() {
  const proto::Error error = refusal();
  while (BackendCall* const call = unread_.pop_front()) finish(*find(*call), nullptr, &error);
  while (BackendCall* const call = waiting_.pop(hub_.now())) finish(*find(*call), nullptr, &error);
}

milliseconds UpstreamBackend::retry_after() const {
  milliseconds soonest = kLongestWait;
  for (const auto& each : endpoints_) soonest = std::min(soonest, each->retry_after());
  return soonest;
}

proto::Error UpstreamBackend::refusal() const {
  const bool all_down = std::ranges::all_of(endpoints_, [](const auto& each) { return each->down(); });
  return all_down ? proto::backend_down(settings_.name, retry_after())
                  : proto::circuit_open(settings_.name, retry_after());
}

void UpstreamBackend::on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) {
  if (discovery_.owns(attempt)) return discovery_.on_reply(reply);
  UpstreamCall& call = *attempt.call;
  if (is_retryable(reply.error_code)) {
    call.failed = attempt.endpoint;
    if (call.under_way() || may_retry(call, {})) return;
  } else {
    const ActiveCall& active = call.call.call;
    hedges_.observe(active.request.method, active.method->spec().name, hub_.now() - call.attempts[0].began);
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
  if (may_retry(call, attempt.retry_after)) return;
  const bool asked = attempt.retry_after > milliseconds(0);
  const auto error = proto::backend_down(settings_.name, asked ? attempt.retry_after : retry_after());
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

// Whether it will be tried again, which is seen to. `asked`: how long its server wants to be left alone.
bool UpstreamBackend::may_retry(UpstreamCall& call, milliseconds asked) {
  const RetrySettings& retry = settings_.upstream->retry;
  if (call.call.stopped || call.tries >= retry.attempts || !retried_.allow(call.call.call.request.method)) {
    return false;
  }
  const auto backoff = backoff_.delay(static_cast<unsigned>(call.tries - 1), hub_.random_bits());
  const auto delay = endpoints_.size() == 1 ? std::max(backoff, asked) : backoff;
  const TimePoint again = hub_.now() + delay;
  if (again >= call.call.call.deadline || !budget_.try_withdraw(hub_.now())) return false;
  metrics_->retries.fetch_add(1, std::memory_order_relaxed);
  call.timer = UpstreamCall::Timer::retry;
  hub_.io().set_deadline(call.call, again);
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

// Ends whatever is done for it, and gives it back.
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
  metrics_->breaker_state.store(most_willing_state(endpoints_), std::memory_order_relaxed);
}

void UpstreamBackend::renew() {
  authorities_->renew();
  for (const auto& endpoint : endpoints_) endpoint->renew();
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
