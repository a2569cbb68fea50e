// Tables of a connection's bytes and the events that they give.
#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <string_view>

#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {

// Replays the transcript at every fragment size; the events must always be the same.
inline Lines transcript(Framing framing, std::string_view input, MessageLimits limits) {
  const auto whole = replay_whole(framing, limits, input);
  for (const std::size_t size : fragment_sizes()) {
    CAPTURE(size);
    const auto pieces = replay(framing, limits, input, [&](std::size_t) { return size; });
    CHECK(in_short(pieces) == in_short(whole));
    CHECK(pieces == whole);
  }
  return in_short(whole);
}

struct Row {
  std::string_view input;
  Lines expected;
};

inline void check(Framing framing, std::initializer_list<Row> rows, MessageLimits limits) {
  for (const auto& [input, expected] : rows) {
    CAPTURE(input);
    CHECK(transcript(framing, input, limits) == expected);
  }
}

}  // namespace sluice::proto::testing
