// Cache of one permit for inline calls.
#pragma once

#include <utility>

#include "lib/admission/admission.hpp"
#include "lib/call/active_call.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

// Inline calls follow one another, so that the next one may use the last one's permit. It is kept for them to
// the iteration's end, before replies are sent, which spares each four locked instructions. A call that finds
// no permit gets the kept one (release()); so none is kept where other I/O threads acquire permits too.
// I/O thread only.
class InlinePermitCache final : DeferredTask {
 public:
  InlinePermitCache(IoThread& io, bool only_thread) : io_(io), only_thread_(only_thread) {}

  // Whether the call, which runs inline, is counted by the permit that is kept, and needs none of its own.
  bool reuse(const ActiveCall& call) const {
    return kept_.counts_for(call.method->metrics()) && call.method->max_concurrent() == 0 &&
           (call.grant == nullptr || call.grant->usage() == nullptr);
  }

  // The call has ended: keeps its permit, or releases it.
  void end(ActiveCall& call) {
    if (!call.permit) return;
    const bool limited = call.permit.counts_for_others() || call.method->max_concurrent() != 0;
    if (kept_ || limited || !only_thread_) return call.permit.release();
    kept_ = std::move(call.permit);
    io_.defer(*this, Phase::permits);
  }

  // Releases the permit that is kept; false where no permit is kept.
  bool release() {
    if (!kept_) return false;
    kept_.release();
    return true;
  }

 private:
  void on_deferred() override { kept_.release(); }

  IoThread& io_;
  const bool only_thread_;
  Permit kept_;
};

}  // namespace sluice::core
