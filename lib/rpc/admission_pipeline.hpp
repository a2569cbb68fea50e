// Admission pipeline: admits or refuses a call before any work is done on it.
#pragma once

#include <atomic>

#include "lib/access/access.hpp"
#include "lib/admission/admission.hpp"
#include "lib/base/result.hpp"
#include "lib/call/active_call.hpp"
#include "lib/rpc/inline_permit_cache.hpp"
#include "lib/rpc/method_cache.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {

// One for the whole server. Thread-safe; never blocks.
class AdmissionPipeline {
 public:
  AdmissionPipeline(Registry& registry, Access& access, Admission& admission, WorkerPool& pool,
                    Metrics& metrics)
      : registry_(registry), access_(access), admission_(admission), pool_(pool), metrics_(metrics) {}

  // The checks that a call has to pass, in their order. On success the call has its
  // method, deadline and permit and, for a blocking handler, a slot of a worker; else it is to be
  // answered with the error and holds nothing. `methods` and `inline_permits` are those of `io`, the calling
  // thread; an inline call may use the permit that is kept there instead of one of its own.
  Result<void, proto::Error> admit(ActiveCall& call, MethodCache& methods, InlinePermitCache& inline_permits,
                                   IoThread& io);

  // Refuses every new call from now on.
  void start_draining() { draining_.store(true, std::memory_order_release); }
  bool draining() const { return draining_.load(std::memory_order_acquire); }

  Registry& registry() { return registry_; }
  Access& access() { return access_; }
  Metrics& metrics() { return metrics_; }

 private:
  static Result<void, Rejection> check_grant(const ActiveCall& call);
  static void set_deadline(ActiveCall& call, const Limits& limits);
  Result<void, Rejection> acquire_permits(ActiveCall& call, InlinePermitCache& inline_permits, IoThread& io);
  proto::Error refuse(const ActiveCall& call, Rejection rejection, MetricsShard& shard) const;
  milliseconds expected_wait(const MethodSpec& spec) const;
  proto::Error refuse_rate(std::chrono::nanoseconds wait, MetricsShard& shard) const;

  Registry& registry_;
  Access& access_;
  Admission& admission_;
  WorkerPool& pool_;
  Metrics& metrics_;
  std::atomic<bool> draining_{false};
};

}  // namespace sluice::core
