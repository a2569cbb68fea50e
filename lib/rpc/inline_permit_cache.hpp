// Cache of one permit for inline calls.
#pragma once

#include <utility>

#include "lib/admission/admission.hpp"
#include "lib/call/active_call.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

// Inline calls follow one another, so that the next one may use the last one's permit. It is kept until the
// end of the iteration, before replies are sent. That saves four locked instructions per call. A call that
// finds no permit gets the kept one (release()). That works on one thread only, so with several I/O threads
// none is kept. I/O thread only.
class InlinePermitCache final : DeferredTask {
 public:
  InlinePermitCache(IoThread& io, bool only_thread) : io_(io), only_thread_(only_thread) {}

  // True if the kept permit counts for the inline call, which then needs none of its own.
  bool reuse(const ActiveCall& call) const {
    return kept_.counts_for(call.method->permits()) && call.method->max_concurrent() == 0 &&
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

  // Releases the kept permit; false without one.
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
