// Look-ahead: control messages behind a full window.
#include <algorithm>

#include "lib/loop/peer_charge.hpp"
#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

// Bytes that may be accepted beyond a full window, without control messages. Each message counts for its
// overhead as well.
constexpr std::size_t kLookAheadBytes = 64 * 1024;
constexpr std::size_t kHeldMessageBytes = 256;

}  // namespace

// The current message may be invalid, or not be a control message: then nothing is kept.
Codec::Step Connection::look_ahead(std::string_view window) {
  const bool begun = codec()->in_message();
  const std::size_t held = rpc_session_.held();
  const auto step = codec()->next(window);
  const bool kept = rpc_session_.held() > held;
  if (begun || kept || !step.at_boundary) {
    const std::size_t bytes = step.consumed + (kept ? kHeldMessageBytes : 0);
    look_ahead_left_ -= std::min(look_ahead_left_, bytes);
  }
  return step;
}

void Connection::begin_look_ahead() {
  looks_ahead_ = true;
  look_ahead_left_ = kLookAheadBytes;
  rpc_session_.look_ahead(true);
  if (input_waits_) io_.postpone(*this);
}

void Connection::end_look_ahead() {
  looks_ahead_ = false;
  rpc_session_.look_ahead(false);
}

// In each iteration, and when the window has become full again.
void Connection::update_look_ahead() {
  if (looks_ahead_) {
    {
      const PeerCharge charge(io_, *share());
      rpc_session_.start_held();
    }
    if (rpc_session_.held() > 0 || rpc_session_.window_full()) return;
    end_look_ahead();
  }
  if (!rpc_session_.window_full()) {
    timers_.on_window_open();
  } else if (!timers_.window_full()) {
    timers_.on_window_full(io_.now());
  }
}

}  // namespace sluice::core
