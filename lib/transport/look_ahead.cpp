// How a connection looks for control messages behind a full window.
#include <algorithm>
#include <chrono>

#include "lib/transport/connection.hpp"

namespace sluice::core {
namespace {

// A window that has been full for so long is looked beyond. Where calls are answered sooner, what waits is
// read soon enough, and copying it would cost each call.
constexpr auto kLookAheadPause = std::chrono::milliseconds(10);
// After this time the client is probed for the first time, as its end of input may follow unread bytes.
constexpr auto kHiddenEndTime = std::chrono::seconds(3);
// What may be taken in beyond a full window, control messages not counted; each message counts for as much
// more as it takes besides its text.
constexpr std::size_t kLookAheadBytes = 64 * 1024;
constexpr std::size_t kHeldMessageBytes = 256;

}  // namespace

TimePoint Connection::look_ahead_due() const {
  const bool waits = window_full_since_ && !looks_ahead_ && !input_over_ && !lingering_ && !close_pending_;
  return waits ? *window_full_since_ + kLookAheadPause : TimePoint::max();
}

// What is being read may be no message, or one that was found to be about others: then nothing is held of it.
Codec::Step Connection::look_ahead(std::string_view window) {
  const bool begun = codec_->in_message();
  const std::size_t held = rpc_session_.held();
  const auto step = codec_->next(window);
  const bool kept = rpc_session_.held() > held;
  if (begun || kept || !step.between) {
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

// In each iteration, and again where the window has filled.
void Connection::update_look_ahead() {
  if (looks_ahead_) {
    rpc_session_.start_held();
    if (rpc_session_.held() > 0 || rpc_session_.window_full()) return;
    end_look_ahead();
  }
  if (!rpc_session_.window_full()) {
    window_full_since_.reset();
  } else if (!window_full_since_) {
    window_full_since_ = io_.now();
    if (!peer_look_) peer_look_ = io_.now() + kHiddenEndTime;
  }
}

}  // namespace sluice::core
