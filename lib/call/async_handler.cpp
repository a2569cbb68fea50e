#include "lib/call/async_handler.hpp"

#include <algorithm>

namespace sluice::core {

void end_async(ActiveCall& call) {
  call.ran = true;
  call.finished = std::max(Clock::now(), call.started);
  call.home->complete(call);
}

}  // namespace sluice::core
