// Memory of a connection, and the limit of unauthenticated input.
#include <algorithm>

#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

// Size limit of new messages while memory is short.
constexpr std::size_t kShortMessageBytes = 64 * 1024;
// Retry time for a client that was refused because memory is short.
constexpr milliseconds kOverloadPause = std::chrono::seconds(1);

}  // namespace

// At most once an iteration, and only for large changes.
void Connection::count_memory() {
  if (ending_.closed() || !memory_changed()) return;
  const std::size_t held = held_bytes();
  host_.count_bytes(*this, held < MemoryBudget::kSlackBytes ? 0 : held);
}

// Called before a message begins: the result holds until its end.
void Connection::look_at_memory() {
  memory_short_ = host_.memory_short();
  renew_limits();
}

std::size_t Connection::message_bytes_max() const {
  const std::size_t configured = io_.limits.message_bytes_max;
  if (timers_.overloaded()) return 1;
  return memory_short_ ? std::min(configured, kShortMessageBytes) : configured;
}

proto::Error Connection::message_too_big() const {
  if (timers_.overloaded() || memory_short_)
    return proto::busy(proto::BusyReason::overloaded, kOverloadPause);
  return proto::request_too_big(io_.limits.message_bytes_max);
}

// Only if clients are configured. A client that needs no credentials is `anonymous` then.
void Connection::watch_unproven() {
  if (!ending_.takes_input() || ending_.peer_gone()) return;
  if (input_waits_) return;  // it may contain credentials; nothing more is read before
  if (const auto own = codec() ? codec()->own_credentials_bytes() : std::nullopt) {
    // Earlier input was answered, with the rights of its own credentials.
    if (*own <= io_.limits.unproven_bytes_max || rpc_session_.proven()) return;
  } else if (rpc_session_.proven()) {
    unproven_bytes_ = 0;
    return;
  }
  end_input(CloseReason::unproven);
  if (codec()) return codec()->refuse_unproven(proto::unauthenticated());
  schedule_close(CloseReason::unproven);
}

}  // namespace sluice::core
