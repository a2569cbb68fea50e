#include "lib/admission/admission.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace sluice::core {
namespace {

// Tenths of the places, by priority: low, normal, high.
constexpr std::array<std::size_t, static_cast<std::size_t>(Priority::kCount)> kShares = {1, 4, 5};

std::size_t or_none(std::size_t max) { return max == 0 ? std::numeric_limits<std::size_t>::max() : max; }

}  // namespace

void Permit::give_back() {
  method_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  admission_->in_flight_.fetch_sub(1, std::memory_order_relaxed);
  if (client_ != nullptr) client_->fetch_sub(1, std::memory_order_relaxed);
  if (backend_ != nullptr) backend_->fetch_sub(1, std::memory_order_relaxed);
  if (priority_ != nullptr) priority_->fetch_sub(1, std::memory_order_relaxed);
  admission_ = nullptr;
}

void Admission::set_in_flight_max(std::size_t count) {
  in_flight_max_.store(count, std::memory_order_relaxed);
  limit_.store(count, std::memory_order_relaxed);
}

// A plain add and a look at what was there would let a refused caller hold a place for a moment, in which
// another is refused that should have got it.
bool Admission::try_take(Counter& counter, std::size_t max) {
  std::size_t taken = counter.load(std::memory_order_relaxed);
  do {
    if (taken >= max) return false;
  } while (!counter.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));
  return true;
}

// Two that come at once may both take what was left for one; the bound itself is not passed by that.
bool Admission::may_take_last(Priority priority) const {
  const std::size_t limit = this->limit();
  // Of few places the last one, where there are ten at least a tenth.
  if (in_flight_approx() + (limit + 9) / 10 < limit) return true;
  const auto at = static_cast<std::size_t>(priority);
  return by_priority_[at].load(std::memory_order_relaxed) <
         std::max<std::size_t>(1, limit * kShares[at] / 10);
}

Rejection Admission::full() const {
  return limit() < in_flight_max() ? Rejection::overloaded : Rejection::queue_full;
}

std::optional<Rejection> Admission::try_admit(const Applicant& applicant, Permit& permit) {
  assert(!permit);
  const auto& [method, method_max, priority, client, backend] = applicant;
  const auto refuse = [&client = client](Rejection rejection) {
    if (client.taken != nullptr) client.taken->fetch_sub(1, std::memory_order_relaxed);
    return rejection;
  };
  if (client.taken != nullptr && !try_take(*client.taken, or_none(client.max)))
    return Rejection::rate_limited;
  const bool priorities = priorities_.load(std::memory_order_relaxed);
  if (priorities && !may_take_last(priority)) return refuse(full());
  if (!try_take(in_flight_, limit())) return refuse(full());
  if (!try_take(method.in_flight, or_none(method_max))) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(Rejection::method_busy);
  }
  // What hangs in one backend must not take all the places there are.
  if (backend.taken != nullptr && !try_take(*backend.taken, or_none(backend.max))) {
    method.in_flight.fetch_sub(1, std::memory_order_relaxed);
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(Rejection::method_busy);
  }
  Counter* const counted = priorities ? &by_priority_[static_cast<std::size_t>(priority)] : nullptr;
  if (counted != nullptr) counted->fetch_add(1, std::memory_order_relaxed);
  permit.admission_ = this;
  permit.method_ = &method;
  permit.client_ = client.taken;
  permit.backend_ = backend.taken;
  permit.priority_ = counted;
  return std::nullopt;
}

}  // namespace sluice::core
