#include "lib/include/sluice/service/wait_limit.hpp"

#include "proto/error.hpp"

namespace sluice {

Error WaitLimit::error(Clock::time_point now) const {
  // A call's stop token is also stopped at its deadline, and then the deadline is the reason.
  if (now < deadline) return cancelled();
  const proto::Error error = proto::timed_out({});
  return {error.code, error.message, {{"reason", "timeout"}}};
}

}  // namespace sluice
