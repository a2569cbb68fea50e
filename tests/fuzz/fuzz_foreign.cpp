// Foreign text on a JSON stream: however it is cut up, no message is read behind a line that is HTTP's.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/spell_out.hpp"
#include "tests/proto/fuzz_transcript.hpp"

namespace sluice::fuzz {
namespace {

using proto::FrameDecoder;
using proto::FrameEvent;
using proto::testing::Replay;
using proto::testing::Seen;

// Each byte from 0x80 on stands for one of these texts, so that the fuzzer need not guess requests.
constexpr std::array<std::string_view, 32> kPieces = {"POST / HTTP/1.1",
                                                      "Host: evil.example",
                                                      "\r\n",
                                                      "\r\n\r\n",
                                                      R"({"jsonrpc":"2.0","method":"a"})",
                                                      "GET /",
                                                      " HTTP/1.1",
                                                      "HTTP/1.0",
                                                      "\n",
                                                      "\r",
                                                      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
                                                      "[",
                                                      "{",
                                                      "\"",
                                                      "}",
                                                      "]",
                                                      ",",
                                                      "Content-Type: text/plain",
                                                      "hello",
                                                      "1",
                                                      "null",
                                                      " ",
                                                      "\xEF\xBB\xBF",
                                                      "EHLO a",
                                                      "*3",
                                                      "{\"a\":",
                                                      "\\",
                                                      "\x16\x03\x01",
                                                      "OPTIONS * HTTP/1.1",
                                                      "/",
                                                      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                                      "\t"};

template <typename NextSize>
std::vector<Seen> events(const Transcript& input, NextSize next_size) {
  FrameDecoder decoder(proto::Framing::stream, input.limits);
  decoder.refuse_foreign_lines();
  Replay connection(decoder);
  for (std::size_t sent = 0; sent < input.bytes.size() && !connection.lost();) {
    const std::size_t size = std::min(input.bytes.size() - sent, next_size(sent));
    connection.receive(input.bytes.substr(sent, size));
    sent += size;
  }
  connection.end();
  return connection.events();
}

// The rule in its simplest form: blanks, and then "HTTP/1.0" or "HTTP/1.1", end the line.
bool is_request_line(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  for (const std::string_view version : {" HTTP/1.0", " HTTP/1.1", "\tHTTP/1.0", "\tHTTP/1.1"}) {
    if (line.ends_with(version)) return true;
  }
  return false;
}

// Whether between `begin` and `end`, where no message is, a whole line is a request's.
bool has_request_line(std::string_view bytes, std::size_t begin, std::size_t end) {
  std::string_view gap = bytes.substr(begin, end - begin);
  for (std::size_t at = gap.find_first_of("\r\n"); at != std::string_view::npos;
       at = gap.find_first_of("\r\n")) {
    if (is_request_line(gap.substr(0, at))) return true;
    gap.remove_prefix(at + 1);
  }
  return false;
}

void check_nothing_is_run(const Transcript& input, const std::vector<Seen>& seen) {
  std::size_t behind = 0;  // the message before
  for (const Seen& event : seen) {
    // A message that is too long is skipped, and may hold anything within its strings.
    if (event.kind == FrameEvent::Kind::too_big) return;
    if (event.kind != FrameEvent::Kind::message) continue;
    expect(!has_request_line(input.bytes, behind, event.begin), "no message is read behind a request line");
    behind = event.begin + event.text.size();
  }
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;
  auto input = sluice::fuzz::transcript_in(data, size);
  const std::string bytes = sluice::fuzz::spell_out(input.bytes, sluice::fuzz::kPieces);
  input.bytes = bytes;
  const auto whole = sluice::fuzz::events(input, [&](std::size_t) { return bytes.size(); });
  sluice::fuzz::check_nothing_is_run(input, whole);
  const auto pieces = sluice::fuzz::events(input, sluice::fuzz::PieceSizes(input.seed));
  sluice::fuzz::expect(pieces == whole, "in pieces the events are the same");
  return 0;
}
