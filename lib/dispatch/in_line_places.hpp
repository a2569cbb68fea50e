// The places that calls in line take.
#pragma once

#include <utility>

#include "lib/admission/admission.hpp"
#include "lib/call/active_call.hpp"
#include "lib/io/io_thread.hpp"

namespace sluice::core {

// Calls that run in line follow one another, so that the next one may have the last one's place. It is kept
// for them to the turn's end, before replies are sent, which spares each four locked instructions; as long as
// there are plenty, that no other thread may miss it. One for each I/O thread, and used by that alone.
class InLinePlaces final : TurnEnd {
 public:
  InLinePlaces(const Admission& admission, IoThread& io) : admission_(admission), io_(io) {}

  // Whether the call, which runs in line, has its place in the one that is kept, and needs no permit.
  bool lend(const ActiveCall& call) const {
    return kept_.counts_for(call.method->metrics()) && call.method->max_concurrent() == 0 &&
           (call.grant == nullptr || call.grant->usage() == nullptr);
  }

  // The call has ended: keeps its place, or frees it.
  void leave(ActiveCall& call) {
    if (!call.permit) return;
    const bool limited = call.permit.counts_for_others() || call.method->max_concurrent() != 0;
    if (kept_ || limited || !admission_.plenty()) return call.permit.release();
    kept_ = std::move(call.permit);
    io_.first_at_turn_end(*this);
  }

  // Frees the place that is kept; false where there is none.
  bool release() {
    if (!kept_) return false;
    kept_.release();
    return true;
  }

 private:
  void on_turn_end() override { kept_.release(); }

  const Admission& admission_;
  IoThread& io_;
  Permit kept_;
};

}  // namespace sluice::core
