#include "lib/rpc/admission_pipeline.hpp"

#include <algorithm>

#include "lib/call/async_handler.hpp"

namespace sluice::core {

Result<void, proto::Error> AdmissionPipeline::admit(ActiveCall& call, MethodCache& methods,
                                                    InlinePermitCache& inline_permits, IoThread& io) {
  MetricsShard& shard = io.metrics();
  // No call may start once the drain counts calls in flight, whatever the other checks would say.
  methods.resolve(call);
  if (draining()) return refuse(call, Rejection::draining, shard);
  // Before any answer about the method: a client that may not call it does not learn whether it exists.
  if (const auto granted = check_grant(call); !granted) return refuse(call, granted.error(), shard);
  // The cheapest answer for the commonest error, before any limit is touched.
  if (call.method == nullptr) return proto::method_not_found();
  // The method's own limit may be shorter or longer than the server's; the client's only shortens it.
  set_deadline(call, io.limits);
  // A batch's entry may have waited beyond its deadline.
  if (call.deadline <= io.now()) return proto::timed_out(call.timeout);
  // The client's own rate, before what it shares with others: a client over its rate takes no permit from
  // them.
  const Rate* const rate = call.grant ? call.grant->rate() : nullptr;
  if (rate != nullptr) {
    const auto wait = call.grant->usage()->bucket.try_take(*rate, io.now());
    if (wait.count() > 0) return refuse_rate(wait, shard);
  }
  // The client's own limit, the global one, the bulkhead and a worker, each by one atomic operation.
  const auto acquired = acquire_permits(call, inline_permits, io);
  if (acquired) return success();
  // What did not come in is not held against its client's rate.
  if (rate != nullptr) call.grant->usage()->bucket.refund(*rate);
  return refuse(call, acquired.error(), shard);
}

// A client that is not known may still authenticate; one that is known has no more to show.
[[gnu::always_inline]] inline Result<void, Rejection> AdmissionPipeline::check_grant(const ActiveCall& call) {
  if (!call.grant || call.grant->allows(call.request.method)) return success();
  return call.grant->authenticated() ? Rejection::forbidden : Rejection::unauthenticated;
}

[[gnu::always_inline]] inline Result<void, Rejection> AdmissionPipeline::acquire_permits(
    ActiveCall& call, InlinePermitCache& inline_permits, IoThread& io) {
  const MethodSpec& spec = call.method->spec();
  if (spec.kind == HandlerKind::inline_io && inline_permits.reuse(call)) return success();
  const bool async = spec.kind == HandlerKind::async;
  if (async && spec.async->exempt()) return success();
  call.priority = call.method->priority();
  AdmissionRequest request{call.method->permits(), call.method->max_concurrent(), call.priority};
  if (call.grant && call.grant->usage() != nullptr) {
    request.client = {&call.grant->usage()->in_flight, call.grant->in_flight_max()};
  }
  if (async) request.backend = spec.async->concurrency_limit();
  // The last permit may be the one that is kept.
  Result<void, Rejection> admitted = success();
  do {
    admitted = admission_.try_admit(request, call.permit);
  } while (!admitted && inline_permits.release());
  if (!admitted) return admitted;
  if (spec.kind != HandlerKind::blocking) return success();
  // Last, because it picks the worker; without one the permit is released.
  call.worker = io.workers().reserve(call.counts != nullptr ? call.counts->mean_run_time.approx()
                                                            : std::chrono::nanoseconds(0));
  if (call.worker != WorkerPool::kNone) return success();
  call.permit.release();
  return Rejection::queue_full;
}

void AdmissionPipeline::set_deadline(ActiveCall& call, const Limits& limits) {
  const milliseconds own = call.method->timeout();
  call.timeout = own.count() > 0 ? own : limits.call_timeout;
  if (call.request.timeout) call.timeout = std::min(call.timeout, *call.request.timeout);
  call.deadline = call.received + call.timeout;
}

proto::Error AdmissionPipeline::refuse(const ActiveCall& call, Rejection rejection,
                                       MetricsShard& shard) const {
  shard.rejected[static_cast<std::size_t>(rejection)].add(1);
  switch (rejection) {
    case Rejection::draining:
      return proto::draining();
    case Rejection::unauthenticated:
      return proto::unauthenticated();
    case Rejection::forbidden:
      return proto::forbidden();
    case Rejection::rate_limited:
      return proto::rate_limited(pool_.expected_wait_approx());
    case Rejection::method_busy:
      return proto::busy(proto::BusyReason::method_busy, expected_wait(call.method->spec()));
    case Rejection::overloaded:
      return proto::busy(proto::BusyReason::overloaded, pool_.expected_wait_approx());
    default:
      return proto::busy(proto::BusyReason::queue_full, pool_.expected_wait_approx());
  }
}

milliseconds AdmissionPipeline::expected_wait(const MethodSpec& spec) const {
  const auto own = spec.kind == HandlerKind::async ? spec.async->expected_wait_approx() : std::nullopt;
  return own.value_or(pool_.expected_wait_approx());
}

// Rounded up, so that the token is there when the client comes back.
proto::Error AdmissionPipeline::refuse_rate(std::chrono::nanoseconds wait, MetricsShard& shard) const {
  shard.rejected[static_cast<std::size_t>(Rejection::rate_limited)].add(1);
  return proto::rate_limited(std::chrono::ceil<milliseconds>(wait));
}

}  // namespace sluice::core
