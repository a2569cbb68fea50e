// Common part of the framing targets: an input of settings and bytes, given to a decoder whole and in
// pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/proto/replay.hpp"

namespace sluice::fuzz {

inline void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

// Piece sizes from 1 to 64, mostly small, from a seed.
class PieceSizes {
 public:
  explicit PieceSizes(std::uint32_t seed) : state_(seed * 2654435761U + 1) {}
  std::size_t operator()(std::size_t) {
    state_ = state_ * 1664525U + 1013904223U;
    const std::uint32_t random = state_ >> 16;
    return 1 + (random & 7) * (1 + ((random >> 3) & 7));
  }

 private:
  std::uint32_t state_;
};

// The last two bytes of an input choose limits and pieces, so that what comes before them is as on the wire.
struct Transcript {
  std::string_view bytes;
  proto::MessageLimits limits;
  std::uint32_t seed = 0;
};

inline Transcript transcript_in(const std::uint8_t* data, std::size_t size) {
  Transcript transcript{{reinterpret_cast<const char*>(data), size}, {}, 0};
  if (size < 2) return transcript;
  const std::uint8_t choice = data[size - 2];
  transcript.seed = data[size - 1];
  transcript.bytes.remove_suffix(2);
  if (choice & 1) transcript.limits.message_bytes_max = 1 + (choice >> 3);
  if (choice & 2) transcript.limits.batch_entries_max = choice >> 6;
  return transcript;
}

// Whole, byte by byte and in random pieces, a decoder must see the same.
inline void check_pieces(proto::Framing framing, const Transcript& input) {
  using namespace proto::testing;
  const auto whole = replay_whole(framing, input.limits, input.bytes);
  // Each step has a window of its own, so that single bytes cost the square of the size.
  if (input.bytes.size() <= 128) {
    const auto bytes = replay(framing, input.limits, input.bytes, [](std::size_t) { return std::size_t{1}; });
    expect(bytes == whole, "byte by byte the events are the same");
  }
  const auto pieces = replay(framing, input.limits, input.bytes, PieceSizes(input.seed));
  expect(pieces == whole, "in pieces the events are the same");
  for (const auto& event : whole) {
    if (event.kind != proto::FrameEvent::Kind::message) continue;
    expect(event.text.size() <= input.limits.message_bytes_max, "no message is over the limit");
    expect(input.bytes.substr(event.begin, event.text.size()) == event.text,
           "a message is where it was found");
  }
}

}  // namespace sluice::fuzz
