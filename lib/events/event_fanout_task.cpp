#include "lib/events/event_fanout_task.hpp"

#include <new>
#include <utility>

namespace sluice::core {

EventFanoutTask::EventFanoutTask(EventLoop& loop, EventHub& hub, EventFanout::Random random)
    : loop_(loop), fanout_(hub, *this, std::move(random)) {}

bool EventFanoutTask::try_wake() noexcept {
  if (loop_.here()) {
    loop_.defer(*this, Phase::completions);
    return true;
  }
  try {
    loop_.post([this] { loop_.defer(*this, Phase::completions); });
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void EventFanoutTask::on_deferred() {
  if (fanout_.run(loop_.now())) loop_.defer(*this, Phase::completions);
}

}  // namespace sluice::core
