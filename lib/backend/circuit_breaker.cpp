#include "lib/backend/circuit_breaker.hpp"

#include <algorithm>
#include <string_view>

namespace sluice::core {

std::string_view to_string(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::closed:
      return "closed";
    case CircuitBreaker::State::half_open:
      return "half-open";
    default:
      return "open";
  }
}

CircuitBreaker::State CircuitBreaker::state(TimePoint now) const {
  if (!open_until_) return State::closed;
  return now < *open_until_ ? State::open : State::half_open;
}

bool CircuitBreaker::allows(TimePoint now) const {
  const State current = state(now);
  return current == State::closed || (current == State::half_open && !probing_);
}

bool CircuitBreaker::begin(TimePoint now) {
  probing_ = state(now) == State::half_open;
  if (probing_) ++probes_;
  return probing_;
}

bool CircuitBreaker::succeeded(TimePoint now, std::chrono::nanoseconds took, bool probe) {
  if (settings_.slow.count() > 0 && took > settings_.slow) return failed(now, probe);
  // What was begun before it opened tells of another time.
  if (!open_until_ || !probe) return false;
  open_until_.reset();
  failures_.clear();
  probing_ = false;
  return true;
}

bool CircuitBreaker::failed(TimePoint now, bool probe) {
  if (settings_.failures == 0) return false;
  if (open_until_) {
    if (!probe || !probing_) return false;
    probing_ = false;
    probes_ = 0;
    open_until_ = now + settings_.open;
    return true;
  }
  forget_old(now);
  failures_.push_back(now);
  if (failures_.size() < settings_.failures) return false;
  failures_.clear();
  probes_ = 0;
  open_until_ = now + settings_.open;
  return true;
}

void CircuitBreaker::forget_old(TimePoint now) {
  while (!failures_.empty() && failures_.front() + settings_.window < now) failures_.pop_front();
}

milliseconds CircuitBreaker::retry_after(TimePoint now) const {
  if (!open_until_) return milliseconds(0);
  if (now < *open_until_) return std::chrono::ceil<milliseconds>(*open_until_ - now);
  return probing_ ? settings_.open : milliseconds(0);
}

}  // namespace sluice::core
