// The places that calls in line take.
#pragma once

#include <utility>

#include "lib/admission/admission.hpp"
#include "lib/call/active_call.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

// Calls that run in line follow one another, so that the next one may have the last one's place. It is kept
// for them to the iteration's end, before replies are sent, which spares each four locked instructions. Whom
// that place is missing to is given it (release()); so none is kept where other I/O threads take places too.
// I/O thread only.
class InlinePermitCache final : DeferredTask {
 public:
  InlinePermitCache(IoThread& io, bool only_thread) : io_(io), only_thread_(only_thread) {}

  // Whether the call, which runs in line, has its place in the one that is kept, and needs no permit.
  bool lend(const ActiveCall& call) const {
    return kept_.counts_for(call.method->metrics()) && call.method->max_concurrent() == 0 &&
           (call.grant == nullptr || call.grant->usage() == nullptr);
  }

  // The call has ended: keeps its place, or frees it.
  void leave(ActiveCall& call) {
    if (!call.permit) return;
    const bool limited = call.permit.counts_for_others() || call.method->max_concurrent() != 0;
    if (kept_ || limited || !only_thread_) return call.permit.release();
    kept_ = std::move(call.permit);
    io_.defer(*this, Phase::permits);
  }

  // Frees the place that is kept; false where there is none.
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
