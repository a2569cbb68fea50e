#include "lib/admission/admission.hpp"

#include <algorithm>

namespace sluice::core {
namespace {

// Tenths of the permits, by priority: low, normal, high.
constexpr std::array<std::size_t, static_cast<std::size_t>(Priority::kCount)> kShares = {1, 4, 5};

}  // namespace

void Permit::release_counters() {
  Admission& admission = *std::exchange(admission_, nullptr);
  admission.release(method_->in_flight);
  admission.release(admission.in_flight_);
  for (Counter* const counter : {client_, backend_, priority_}) {
    if (counter != nullptr) admission.release(*counter);
  }
}

void Admission::set_in_flight_max(std::size_t count) {
  in_flight_max_.store(count, std::memory_order_relaxed);
  limit_.store(count, std::memory_order_relaxed);
}

// Two concurrent calls may both take the last permit of a share; the limit itself still holds.
bool Admission::has_priority_share(Priority priority) const {
  const std::size_t limit = this->limit();
  // The last tenth of the permits; the last one of fewer than ten.
  if (in_flight_approx() + (limit + 9) / 10 < limit) return true;
  const auto at = static_cast<std::size_t>(priority);
  return by_priority_[at].load(std::memory_order_relaxed) <
         std::max<std::size_t>(1, limit * kShares[at] / 10);
}

Rejection Admission::full() const {
  return limit() < in_flight_max() ? Rejection::overloaded : Rejection::queue_full;
}

}  // namespace sluice::core
