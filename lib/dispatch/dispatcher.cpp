#include "lib/dispatch/dispatcher.hpp"

#include <algorithm>

namespace sluice::core {

std::optional<proto::Error> Dispatcher::admit(ActiveCall& call, const Limits& limits, TimePoint now,
                                              MetricsShard& shard) {
  // Nothing may begin once the drain counts what is left; what it would have been does not matter.
  call.method = registry_.find(call.request.method);
  if (draining()) return refuse(Rejection::draining, shard);
  // The cheapest answer for the commonest mistake, before any limit is touched.
  if (!call.method) return proto::method_not_found();
  // The method's own limit may be shorter or longer than the server's; the client's only shortens it.
  set_deadline(call, limits);
  // A batch's entry may have waited for its turn until nobody waits for it any more.
  if (call.deadline <= now) return proto::timed_out(call.timeout);
  // Global limit and bulkhead, each by one atomic operation.
  auto admitted = admission_.try_admit(call.method->metrics(), call.method->max_concurrent());
  if (const auto* rejection = std::get_if<Rejection>(&admitted)) return refuse(*rejection, shard);
  call.permit = std::move(std::get<Permit>(admitted));
  if (call.method->spec().kind != HandlerKind::blocking) return std::nullopt;
  // Last, because it picks the worker; the permit goes back if there is none.
  const auto worker = pool_.try_reserve();
  if (!worker) {
    call.permit.release();
    return refuse(Rejection::queue_full, shard);
  }
  call.worker = *worker;
  return std::nullopt;
}

void Dispatcher::set_deadline(ActiveCall& call, const Limits& limits) {
  const milliseconds own = call.method->timeout();
  call.timeout = own.count() > 0 ? own : limits.call_timeout;
  if (call.request.timeout) call.timeout = std::min(call.timeout, *call.request.timeout);
  call.deadline = call.received + call.timeout;
}

proto::Error Dispatcher::refuse(Rejection rejection, MetricsShard& shard) const {
  shard.rejected[static_cast<std::size_t>(rejection)].add(1);
  switch (rejection) {
    case Rejection::draining:
      return proto::draining();
    case Rejection::method_busy:
      return proto::busy(proto::BusyReason::method_busy, pool_.expected_wait_approx());
    case Rejection::overloaded:
      return proto::busy(proto::BusyReason::overloaded, pool_.expected_wait_approx());
    default:
      return proto::busy(proto::BusyReason::queue_full, pool_.expected_wait_approx());
  }
}

}  // namespace sluice::core
