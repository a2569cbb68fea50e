// Tables of a WebSocket client's bytes and the events that they give, however they are cut up.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <string_view>

#include "tests/proto/websocket_replay.hpp"

namespace sluice::proto::testing {

// Replays the transcript at every fragment size; the events must always be the same.
inline Lines websocket_events(std::string_view input, std::size_t message_bytes_max = kMessageBytesDefault) {
  const Lines whole = replay_websocket_whole(message_bytes_max, input);
  for (const std::size_t size : fragment_sizes()) {
    CAPTURE(size);
    CHECK(replay_websocket(message_bytes_max, input, [&](std::size_t) { return size; }) == whole);
  }
  return whole;
}

// Every real front of `input`, which is one message or control frame, needs more.
inline void check_every_prefix_needs_more(std::string_view input) {
  for (std::size_t size = 0; size < input.size(); ++size) {
    CAPTURE(size);
    WebSocketDecoder decoder;
    CHECK(in_short(decoder.next(input.substr(0, size))) == "need_more");
    CHECK(decoder.in_message() == (size > 0));
  }
}

}  // namespace sluice::proto::testing
