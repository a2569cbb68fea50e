#include "lib/backend/child/termination.hpp"

#include <algorithm>
#include <csignal>

namespace sluice::core {

void ChildTermination::allow(milliseconds grace, TimePoint now) {
  begun_ = true;
  terminate_at_ = now + grace / kGraceParts;
  kill_at_ = std::min(kill_at_, now + grace);
}

void ChildTermination::expect_end(TimePoint now) {
  begun_ = true;
  if (kill_at_ == TimePoint::max()) kill_at_ = now + kSilentTime;
}

TimePoint ChildTermination::next() const { return std::min(terminate_at_, kill_at_); }

int ChildTermination::take_signal(TimePoint now) {
  if (now >= terminate_at_) {
    terminate_at_ = TimePoint::max();
    return SIGTERM;
  }
  if (now >= kill_at_) {
    kill_at_ = TimePoint::max();
    return SIGKILL;
  }
  return 0;
}

}  // namespace sluice::core
