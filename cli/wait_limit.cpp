#include "cli/wait_limit.hpp"

#include <algorithm>
#include <limits>

#include "cli/interrupt.hpp"

namespace sluice::client {

int poll_time(TimePoint until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, std::numeric_limits<int>::max()));
}

void watch_interrupt(std::vector<pollfd>& watched, const WaitLimit& limit) {
  if (limit.interrupt == nullptr) return;
  for (const pollfd& each : limit.interrupt->watched()) watched.push_back(each);
}

bool wait_for(int fd, short events, const WaitLimit& limit) {
  std::vector<pollfd> watched{{fd, events, 0}};
  watch_interrupt(watched, limit);
  const auto interrupt = watched.begin() + 1;
  while (true) {
    const bool any = poll(watched.data(), watched.size(), poll_time(limit.deadline)) > 0;
    if (any && watched.front().revents != 0) return true;
    if (any && std::any_of(interrupt, watched.end(), [](const pollfd& each) { return each.revents != 0; }))
      return false;
    if (Clock::now() >= limit.deadline) return false;
  }
}

void pause(TimePoint until, const Interrupt& interrupt) {
  constexpr int kNoDescriptor = -1;
  wait_for(kNoDescriptor, 0, {until, interrupt});
}

}  // namespace sluice::client
