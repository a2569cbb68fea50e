#include "lib/backend/upstream_endpoint.hpp"

#include <algorithm>

#include "lib/base/backoff.hpp"
#include "lib/observe/log.hpp"

namespace sluice::core {

bool is_retryable(std::int64_t error_code) {
  using proto::ErrorCode;
  return error_code == static_cast<std::int64_t>(ErrorCode::backend_unavailable) ||
         error_code == static_cast<std::int64_t>(ErrorCode::busy) ||
         error_code == static_cast<std::int64_t>(ErrorCode::draining);
}

UpstreamEndpoint::UpstreamEndpoint(BackendHub& hub, const BackendSettings& settings, std::size_t index,
                                   std::shared_ptr<UpstreamAuthorities> authorities, BackendMetrics& metrics,
                                   ChildLog& log, Owner& owner)
    : hub_(hub),
      settings_(settings),
      index_(index),
      metrics_(metrics),
      owner_(owner),
      route_{hub,
             *settings.upstream,
             settings.dialect,
             parse_upstream_url(settings.upstream->urls[index]).value_or(UpstreamUrl{}),
             "backend " + settings.name + "[" + std::to_string(index) + "]",
             std::move(authorities),
             log},
      breaker_(settings.breaker) {}

UpstreamEndpoint::~UpstreamEndpoint() { end(); }

void UpstreamEndpoint::start() { open_one(); }

bool UpstreamEndpoint::promises() const {
  return allows() || (!over_ && !down_ && breaker_state() == CircuitBreaker::State::half_open);
}

UpstreamConnection* UpstreamEndpoint::connection_with_room(const UpstreamConnection* except) {
  UpstreamConnection* best = nullptr;
  for (const auto& each : connections_) {
    if (each.get() == except || !each->has_room()) continue;
    if (best == nullptr || each->in_flight() < best->in_flight()) best = each.get();
  }
  return best;
}

// Over HTTP a connection carries one at a time.
std::size_t UpstreamEndpoint::call_room() const {
  return route_.url.kind == UpstreamUrl::Kind::http ? 1 : settings_.upstream->concurrency;
}

std::size_t UpstreamEndpoint::room_to_come() const {
  const auto coming = std::ranges::count_if(connections_, [](const auto& each) { return !each->open_now(); });
  return static_cast<std::size_t>(coming) * call_room();
}

bool UpstreamEndpoint::open_one() {
  if (over_ || connections_.size() >= settings_.upstream->connections || hub_.now() < grow_at_) return false;
  UpstreamConnection::Owner& owner = *this;
  connections_.push_back(UpstreamConnection::make(route_, owner));
  connections_.back()->open();
  return true;
}

std::size_t UpstreamEndpoint::in_flight() const {
  std::size_t sum = 0;
  for (const auto& each : connections_) sum += each->in_flight();
  return sum;
}

void UpstreamEndpoint::send(UpstreamAttempt& attempt, UpstreamConnection& connection,
                            const ActiveCall& call) {
  attempt.endpoint = this;
  attempt.judged = attempt.failed = false;
  attempt.probe = !call.request.is_notification() && breaker_.begin(hub_.now());
  if (attempt.probe) note_probe();
  connection.send(attempt, call);
}

void UpstreamEndpoint::stop(UpstreamAttempt& attempt, bool overdue) {
  UpstreamConnection* const connection = attempt.connection;
  if (overdue) {
    judge(attempt, false);
    connection->doubt(attempt);
  } else if (attempt.probe && !std::exchange(attempt.judged, true)) {
    breaker_.abandoned();
  }
  connection->stop(attempt);
}

void UpstreamEndpoint::on_open(UpstreamConnection&) {
  probes_ = 0;
  if (std::exchange(down_, false)) spdlog::info("{}: answers again", route_.label);
  hub_.io().clear_deadline(*this);
  metrics_.up[index_].store(true, std::memory_order_relaxed);
  owner_.on_change();
}

void UpstreamEndpoint::on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) {
  judge(attempt, !attempt.failed && !is_retryable(reply.error_code));
  owner_.on_reply(attempt, reply);
}

void UpstreamEndpoint::on_failure(UpstreamAttempt& attempt, UpstreamFailure how) {
  judge(attempt, how == UpstreamFailure::reply_too_big);
  owner_.on_failure(attempt, how);
}

void UpstreamEndpoint::on_end(UpstreamConnection& connection, UpstreamConnection::End why,
                              const std::string& what) {
  using End = UpstreamConnection::End;
  const bool failed = why != End::unused && why != End::given_up;
  if (failed && why != End::not_connected) {
    route_.log.misbehaved(route_.label, "connection closed", what, hub_.now());
  } else {
    spdlog::debug("{}: connection closed: {}", route_.label, printable(what));
  }
  if (why == End::not_connected) go_down(what);
  // However many calls it had, it failed once.
  bool probe = false;
  while (UpstreamAttempt* const attempt = connection.take_attempt()) {
    probe = probe || (attempt->probe && !attempt->judged);
    attempt->judged = true;
    owner_.on_failure(*attempt, attempt->sent ? UpstreamFailure::lost : UpstreamFailure::unsent);
  }
  if (failed && why != End::not_connected) note_breaker(breaker_.failed(hub_.now(), probe));
  drop(connection);
  owner_.on_change();
}

void UpstreamEndpoint::drop(UpstreamConnection& connection) {
  const auto at = std::ranges::find(connections_, &connection, &std::shared_ptr<UpstreamConnection>::get);
  if (at == connections_.end()) return;
  hub_.dispose(*at);
  connections_.erase(at);
  if (connections_.empty()) grow_at_ = {};
}

// Where others still stand, it is only that there can't be more of them for now.
void UpstreamEndpoint::go_down(const std::string& what) {
  if (std::ranges::any_of(connections_, [](const auto& each) { return each->open_now(); })) {
    grow_at_ = hub_.now() + settings_.upstream->probe_interval;
    return hub_.io().set_deadline(*this, grow_at_);
  }
  note_breaker(breaker_.failed(hub_.now(), false));
  if (!std::exchange(down_, true)) {
    spdlog::warn("{}: can't connect to {}: {}", route_.label, settings_.upstream->urls[index_],
                 printable(what));
  }
  metrics_.up[index_].store(false, std::memory_order_relaxed);
  probe_at_ = hub_.now() + Backoff(kFirstProbe, settings_.upstream->probe_interval).bound(probes_++);
  hub_.io().set_deadline(*this, probe_at_);
}

void UpstreamEndpoint::on_deadline(TimePoint now) {
  if (over_) return;
  if (!down_) return owner_.on_change();  // its breaker is half-open, or it may have more connections
  probe_at_ = now + settings_.upstream->probe_interval;
  hub_.io().set_deadline(*this, probe_at_);
  if (room_to_come() == 0) open_one();
}

milliseconds UpstreamEndpoint::retry_after() const {
  const auto wait =
      down_ ? std::chrono::ceil<milliseconds>(probe_at_ - hub_.now()) : breaker_.retry_after(hub_.now());
  return std::max(milliseconds(1), wait);
}

void UpstreamEndpoint::judge(UpstreamAttempt& attempt, bool success) {
  if (std::exchange(attempt.judged, true)) return;
  const TimePoint now = hub_.now();
  note_breaker(success ? breaker_.succeeded(now, now - attempt.began, attempt.probe)
                       : breaker_.failed(now, attempt.probe));
}

void UpstreamEndpoint::note_probe() {
  spdlog::info("{}: breaker half-open, one call is let through", route_.label);
  if (breaker_.turned_half_open()) count_breaker(CircuitBreaker::State::half_open);
}

void UpstreamEndpoint::count_breaker(CircuitBreaker::State state) {
  metrics_.breaker_changes[static_cast<std::size_t>(state)].fetch_add(1, std::memory_order_relaxed);
}

void UpstreamEndpoint::note_breaker(bool changed) {
  if (!changed) return;
  const auto state = breaker_state();
  count_breaker(state);
  if (state == CircuitBreaker::State::open) {
    const auto wait = breaker_.retry_after(hub_.now());
    spdlog::warn("{}: breaker open for {} ms", route_.label, wait.count());
    if (!down_) hub_.io().set_deadline(*this, hub_.now() + wait);
  } else {
    spdlog::info("{}: breaker closed", route_.label);
  }
}

void UpstreamEndpoint::end() {
  over_ = true;
  hub_.io().clear_deadline(*this);
  metrics_.up[index_].store(false, std::memory_order_relaxed);
  for (const auto& each : connections_) each->abandon();
  connections_.clear();
}

}  // namespace sluice::core
