// WebSocket frames: however the bytes are cut up, the events are the same; a message is UTF-8 exactly where
// nlohmann_json has it so; and what is framed as a message comes out as it was.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "proto/websocket_writer.hpp"
#include "tests/proto/fuzz_transcript.hpp"
#include "tests/proto/websocket_replay.hpp"

namespace sluice::fuzz {
namespace {

using namespace proto::testing;
using proto::WebSocketDecoder;
using proto::WebSocketEvent;

bool is_utf8_elsewhere(std::string_view text) {
  try {
    const std::string dumped = nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

// Whole, byte by byte and in random pieces, the decoder must see the same.
void check_frames(const Transcript& input) {
  const std::size_t limit = input.limits.message_bytes_max;
  const Lines whole = replay_websocket_whole(limit, input.bytes);
  if (input.bytes.size() <= 1024) {
    const auto bytes = replay_websocket(limit, input.bytes, [](std::size_t) { return std::size_t{1}; });
    expect(bytes == whole, "byte by byte the events are the same");
  }
  expect(replay_websocket(limit, input.bytes, PieceSizes(input.seed)) == whole,
         "in pieces the events are the same");
  constexpr std::string_view kName = "text ";
  for (const std::string_view line : whole) {
    if (!line.starts_with(kName)) continue;
    expect(line.size() - kName.size() <= limit, "no message is over the limit");
    expect(is_utf8_elsewhere(line.substr(kName.size())), "a message is UTF-8");
  }
}

// The same bytes as payload of fragments of random sizes, pings and a second message between them.
void check_payload(const Transcript& input) {
  PieceSizes sizes(input.seed);
  std::string wire = text_frame("before");
  std::string_view rest = input.bytes;
  for (unsigned opcode = kText; !rest.empty(); opcode = kContinuation) {
    const std::string_view piece = rest.substr(0, sizes(0) - 1);
    rest.remove_prefix(piece.size());
    wire += frame(opcode, piece);
    if (piece.size() % 3 == 0) wire += frame(kFinal | kPing, piece);
  }
  wire += frame(kFinal | (input.bytes.empty() ? kText : kContinuation), "") + text_frame("after");

  Lines events = replay_websocket(proto::kMessageBytesDefault, wire, sizes);
  std::erase_if(events, [](std::string_view line) { return line.starts_with("ping"); });
  const std::string text = input.bytes.empty() ? "text" : "text " + std::string(input.bytes);
  const Lines expected = is_utf8_elsewhere(input.bytes) ? Lines{"text before", text, "text after"}
                                                        : Lines{"text before", "failed 1007"};
  expect(events == expected, "a message comes out as it was framed");
}

// Beside a client that masks, a server's frames are a client's.
void check_writer(std::string_view payload) {
  std::string out;
  proto::append_text_frame(out, payload);
  std::string expected = frame(kFinal | kText, payload);
  const std::size_t head = out.size() - payload.size();
  expected.erase(head, kMask.size());
  expected[1] = static_cast<char>(expected[1] & 0x7F);
  expect(out.substr(0, head) == expected.substr(0, head) && out.substr(head) == payload,
         "a server's frame is a client's without a mask");
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const auto input = sluice::fuzz::transcript_in(data, size);
  sluice::fuzz::check_frames(input);
  sluice::fuzz::check_payload(input);
  sluice::fuzz::check_writer(input.bytes);
  return 0;
}
