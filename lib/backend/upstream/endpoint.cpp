#include "lib/backend/upstream/endpoint.hpp"

#include <algorithm>

#include "lib/backend/retry_hint.hpp"
#include "lib/observe/log.hpp"
#include "lib/time/backoff.hpp"

namespace sluice::core {

bool is_retryable(std::int64_t error_code) {
  using proto::ErrorCode;
  return error_code == static_cast<std::int64_t>(ErrorCode::backend_unavailable) ||
         error_code == static_cast<std::int64_t>(ErrorCode::busy) ||
         error_code == static_cast<std::int64_t>(ErrorCode::draining);
}

UpstreamEndpoint::UpstreamEndpoint(BackendHub& hub, const BackendSettings& settings, std::size_t index,
                                   std::shared_ptr<UpstreamAuthorities> authorities,
                                   const UpstreamHeaders& headers, BackendMetrics& metrics, Owner& owner)
    : hub_(hub),
      settings_(settings),
      index_(index),
      metrics_(metrics),
      owner_(owner),
      log_("backend " + settings.name + "[" + std::to_string(index) + "]"),
      route_{hub,
             *settings.upstream,
             settings.dialect,
             parse_upstream_url(settings.upstream->urls[index]).value_or(UpstreamUrl{}),
             "backend " + settings.name + "[" + std::to_string(index) + "]",
             std::move(authorities),
             std::make_shared<UpstreamSessions>(),
             headers,
             log_},
      breaker_(settings.breaker, metrics, *this),
      dials_(kDialsAtOnce + 2 * settings.upstream->connections) {}

UpstreamEndpoint::~UpstreamEndpoint() { end(); }

void UpstreamEndpoint::start() { open_one(); }

bool UpstreamEndpoint::may_accept_soon() const {
  return !over_ && !down_ && breaker_.may_allow_soon(hub_.now());
}

UpstreamConnection* UpstreamEndpoint::connection_with_room(const UpstreamConnection* except) {
  UpstreamConnection* best = nullptr;
  for (const auto& each : connections_) {
    if (each.get() == except || !each->has_room()) continue;
    if (best == nullptr || each->in_flight() < best->in_flight()) best = each.get();
  }
  return best;
}

UpstreamConnection* UpstreamEndpoint::fresh_connection() {
  const auto found =
      std::ranges::find_if(connections_, [](const auto& each) { return each->has_room() && each->fresh(); });
  return found == connections_.end() ? nullptr : found->get();
}

// Over HTTP a connection carries one at a time.
std::size_t UpstreamEndpoint::call_room() const {
  return route_.url.kind == UpstreamUrl::Kind::http ? 1 : settings_.upstream->concurrency;
}

std::size_t UpstreamEndpoint::room_to_come() const {
  const auto coming = std::ranges::count_if(connections_, [](const auto& each) { return !each->open_now(); });
  return static_cast<std::size_t>(coming) * call_room();
}

bool UpstreamEndpoint::may_grow() const {
  const auto kept = std::ranges::count_if(connections_, [](const auto& each) { return !each->leaving(); });
  return !over_ && static_cast<std::size_t>(kept) < settings_.upstream->connections && hub_.now() >= grow_at_;
}

bool UpstreamEndpoint::open_one() {
  if (!may_grow()) return false;
  if (!dials_.try_take(hub_.now())) {
    dial_at_ = dials_.next();
    look_again();
    return false;
  }
  checking_ = false;
  UpstreamConnection::Owner& owner = *this;
  connections_.push_back(std::make_shared<UpstreamConnection>(route_, owner));
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
  attempt.outcome_recorded = attempt.failed = attempt.unread = false;
  attempt.retry_after = {};
  attempt.probe = !call.request.is_notification() && breaker_.begin(hub_.now());
  connection.send(attempt, call);
}

void UpstreamEndpoint::stop(UpstreamAttempt& attempt, bool unanswered) {
  UpstreamConnection* const connection = attempt.connection;
  if (unanswered) {
    record_outcome(attempt, false);
    connection->mark_suspect(attempt);
  } else if (attempt.probe && !std::exchange(attempt.outcome_recorded, true)) {
    breaker_.abandoned();
  }
  connection->stop(attempt);
}

void UpstreamEndpoint::on_open(UpstreamConnection& connection) {
  probes_ = 0;
  down_ = false;
  if (std::exchange(logged_down_, false)) spdlog::info("{}: answers again", route_.label);
  look_again();
  metrics_.up[index_].store(true, std::memory_order_relaxed);
  // The probe has its outcome, and no client waits for more.
  if (std::exchange(checking_, false) && !owner_.wants_connection()) return connection.leave();
  owner_.on_change();
}

void UpstreamEndpoint::on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) {
  dials_.deposit();
  record_outcome(attempt, !attempt.failed && !is_retryable(reply.error_code));
  owner_.on_reply(attempt, reply);
}

void UpstreamEndpoint::on_failure(UpstreamAttempt& attempt, UpstreamFailure how) {
  dials_.deposit();
  record_outcome(attempt, how == UpstreamFailure::reply_too_big);
  owner_.on_failure(attempt, how);
}

void UpstreamEndpoint::on_end(UpstreamConnection& connection, UpstreamEnd why, const std::string& what) {
  if (why == UpstreamEnd::cut || why == UpstreamEnd::misbehaved) {
    log_.warn("connection closed: " + what, "", hub_.now());
  } else {
    spdlog::debug("{}: connection closed: {}", route_.label, printable(what));
  }
  if (why == UpstreamEnd::not_connected) go_down(what);
  // However many calls it had, it failed once; without one it did not.
  bool failed = false;
  bool probe = false;
  while (UpstreamAttempt* const attempt = connection.take_attempt()) {
    if (!std::exchange(attempt->outcome_recorded, true)) {
      failed = failed || !attempt->unread;
      probe = probe || attempt->probe;
    }
    owner_.on_failure(*attempt, attempt->unread ? UpstreamFailure::unread
                                : attempt->sent ? UpstreamFailure::lost
                                                : UpstreamFailure::unsent);
  }
  if (failed) {
    breaker_.failed(hub_.now(), probe);
  } else if (probe) {
    breaker_.abandoned();
  }
  drop(connection);
  check_later(why);
  owner_.on_change();
}

// A server without calls may go away unnoticed, and the report would be old.
void UpstreamEndpoint::check_later(UpstreamEnd why) {
  if (over_ || down_ || !connections_.empty()) return;
  const milliseconds usual = settings_.upstream->probe_interval;
  const bool left = why == UpstreamEnd::idle || why == UpstreamEnd::given_up;
  check_at_ = hub_.now() + (left ? usual : kFirstProbe);
  look_again();
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
  checking_ = false;
  const auto stands = [](const auto& each) { return each->open_now() && !each->leaving(); };
  if (std::ranges::any_of(connections_, stands)) {
    grow_at_ = hub_.now() + settings_.upstream->probe_interval;
    return look_again();
  }
  down_ = true;
  const std::string cause = "can't connect to " + route_.url.to_string() + ": " + what.substr(0, kCauseBytes);
  const bool logged = log_.warn(cause, what.substr(std::min(what.size(), kCauseBytes)), hub_.now());
  logged_down_ = logged_down_ || logged;
  metrics_.up[index_].store(false, std::memory_order_relaxed);
  probe_at_ = hub_.now() + Backoff(kFirstProbe, settings_.upstream->probe_interval).bound(probes_++);
  look_again();
}

// Its one deadline is the first time at which anything may have changed by itself.
void UpstreamEndpoint::look_again() {
  if (over_) return;
  const TimePoint now = hub_.now();
  TimePoint soonest = std::min({down_ ? probe_at_ : TimePoint::max(), check_at_, dial_at_});
  if (grow_at_ > now) soonest = std::min(soonest, grow_at_);
  if (breaker_.is_open(hub_.now())) {
    soonest = std::min(soonest, now + breaker_.retry_after(now));
  }
  if (soonest == TimePoint::max()) return hub_.io().clear_deadline(*this);
  hub_.io().set_deadline(*this, soonest);
}

void UpstreamEndpoint::on_deadline(TimePoint now) {
  if (over_) return;
  if (dial_at_ <= now) dial_at_ = TimePoint::max();
  const bool check = check_at_ <= now;
  if (check) check_at_ = TimePoint::max();
  if (down_ && probe_at_ <= now) {
    probe_at_ = now + settings_.upstream->probe_interval;
    if (room_to_come() == 0 && !open_one()) probe_at_ = std::min(probe_at_, dial_at_);
  } else if (check && !down_ && connections_.empty()) {
    checking_ = open_one();
    if (!checking_) check_at_ = std::min(now + settings_.upstream->probe_interval, dial_at_);
  }
  look_again();
  owner_.on_change();
}

void UpstreamEndpoint::renew() {
  if (!route_.url.tls && (!route_.url.socket_path.empty() || route_.url.is_literal())) return;
  route_.sessions = std::make_shared<UpstreamSessions>();  // what connections still learn is of before
  const auto connections = connections_;
  for (const auto& each : connections) each->leave();
}

milliseconds UpstreamEndpoint::retry_after() const {
  return retry_hint(down_ ? std::chrono::ceil<milliseconds>(probe_at_ - hub_.now())
                          : breaker_.retry_after(hub_.now()));
}

void UpstreamEndpoint::record_outcome(UpstreamAttempt& attempt, bool success) {
  if (std::exchange(attempt.outcome_recorded, true)) return;
  const TimePoint now = hub_.now();
  if (success) {
    breaker_.succeeded(now, now - attempt.began, attempt.probe);
  } else {
    breaker_.failed(now, attempt.probe);
  }
}

void UpstreamEndpoint::on_breaker_line(bool is_warning, std::string_view text) {
  if (is_warning) {
    log_.warn(std::string(text), "", hub_.now());
  } else {
    log_.note(std::string(text), hub_.now());
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
