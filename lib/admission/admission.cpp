#include "lib/admission/admission.hpp"

#include <limits>

namespace sluice::core {

void Permit::give_back() {
  method_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  admission_->in_flight_.fetch_sub(1, std::memory_order_relaxed);
  if (client_ != nullptr) client_->fetch_sub(1, std::memory_order_relaxed);
  if (backend_ != nullptr) backend_->fetch_sub(1, std::memory_order_relaxed);
  admission_ = nullptr;
}

// A plain add and a look at what was there would let a refused caller hold a place for a moment, in which
// another is refused that should have got it.
bool Admission::try_take(std::atomic<std::size_t>& counter, std::size_t max) {
  std::size_t taken = counter.load(std::memory_order_relaxed);
  do {
    if (taken >= max) return false;
  } while (!counter.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));
  return true;
}

std::variant<Permit, Rejection> Admission::try_admit(MethodMetrics& method, std::size_t method_max,
                                                     Places client, Places backend) {
  const auto limit = [](std::size_t max) { return max == 0 ? std::numeric_limits<std::size_t>::max() : max; };
  const auto refuse = [&client](Rejection rejection) {
    if (client.taken != nullptr) client.taken->fetch_sub(1, std::memory_order_relaxed);
    return rejection;
  };
  if (client.taken != nullptr && !try_take(*client.taken, limit(client.max))) return Rejection::rate_limited;
  if (!try_take(in_flight_, in_flight_max())) return refuse(Rejection::queue_full);
  if (!try_take(method.in_flight, limit(method_max))) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(Rejection::method_busy);
  }
  // What hangs in one backend must not take all the places there are.
  if (backend.taken != nullptr && !try_take(*backend.taken, limit(backend.max))) {
    method.in_flight.fetch_sub(1, std::memory_order_relaxed);
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(Rejection::method_busy);
  }
  return Permit(*this, method, client.taken, backend.taken);
}

}  // namespace sluice::core
