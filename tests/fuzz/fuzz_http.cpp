// HTTP requests: however the bytes are cut up, what is served is the same, and so is what is refused; and
// what a request is made of comes out as it was.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/spell_out.hpp"
#include "tests/proto/fuzz_transcript.hpp"
#include "tests/support/http_replay.hpp"

namespace sluice::fuzz {
namespace {

using namespace core::testing;

// Each byte from 0x80 on stands for one of these texts, so that the fuzzer need not guess requests.
constexpr std::array<std::string_view, 32> kPieces = {"POST / HTTP/1.1\r\n",
                                                      "GET / HTTP/1.0\r\n",
                                                      "Host: a\r\n",
                                                      "Content-Length: 2\r\n",
                                                      "Content-Length: ",
                                                      "Transfer-Encoding: chunked\r\n",
                                                      "Transfer-Encoding: ",
                                                      "Connection: ",
                                                      "close",
                                                      "keep-alive",
                                                      "Upgrade: websocket\r\n",
                                                      "Expect: 100-continue\r\n",
                                                      "Origin: b\r\n",
                                                      "Content-Type: application/json\r\n",
                                                      "Sluice-Timeout-Ms: 5\r\n",
                                                      "\r\n",
                                                      "\r\n\r\n",
                                                      "\n",
                                                      "\r\n ",
                                                      "\r\n\t",
                                                      "{}",
                                                      "2\r\n{}\r\n",
                                                      "0\r\n\r\n",
                                                      "0\r\nX: y\r\n\r\n",
                                                      ";a=b",
                                                      ";a=\"",
                                                      "\"",
                                                      "chunked",
                                                      ", ",
                                                      "X: ",
                                                      "\xC3\xA9",
                                                      "\xFF"};

void check_same(const ParsedHttp& whole, const ParsedHttp& pieces) {
  const bool served = whole.status == HttpStatus::complete;
  expect(served == (pieces.status == HttpStatus::complete), "what is served whole is served in pieces");
  if (served) {
    expect(whole.consumed == pieces.consumed, "a request in pieces ends where the whole one does");
    expect(in_short(whole.head) == in_short(pieces.head), "a request in pieces has the same head");
    expect(whole.body == pieces.body, "a request in pieces has the same body");
  } else if (whole.header_done && pieces.header_done) {
    expect(whole.status == pieces.status, "a body in pieces is refused as the whole one is");
  } else {
    // An error in a head is reported before the head's end or at it.
    expect(whole.refused() || !pieces.refused(), "what is refused in pieces is refused whole");
  }
}

// Checks that a served request has nothing on the wire that must be refused.
void check_served(std::string_view input, const ParsedHttp& served) {
  const std::string_view wire = input.substr(0, served.consumed);
  const std::string_view head = wire.substr(0, wire.find("\r\n\r\n") + 2);
  for (std::size_t at = 0; at < head.size(); ++at) {
    const auto byte = static_cast<unsigned char>(head[at]);
    const bool line_end = head.substr(at, 2) == "\r\n" || (byte == '\n' && at > 0 && head[at - 1] == '\r');
    expect(byte >= ' ' || byte == '\t' || line_end, "a head has no control characters");
  }
  expect(head.find("\r\n ") == head.npos && head.find("\r\n\t") == head.npos, "a head has no folded lines");
  expect(wire.size() > served.body.size(), "a body is part of its request");
}

void check_http(const Transcript& input) {
  const std::string bytes = spell_out(input.bytes, kPieces);
  const std::size_t limit = input.limits.message_bytes_max;
  const ParsedHttp whole = replay_http_whole(limit, bytes);
  if (bytes.size() <= 1024) {
    check_same(whole, replay_http(limit, bytes, [](std::size_t) { return std::size_t{1}; }));
  }
  check_same(whole, replay_http(limit, bytes, PieceSizes(input.seed)));
  if (whole.status != HttpStatus::complete) return;
  check_served(bytes, whole);
  // The bytes behind a request do not belong to it.
  check_same(whole, replay_http_whole(limit, std::string_view(bytes).substr(0, whole.consumed)));
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;
  sluice::fuzz::check_http(sluice::fuzz::transcript_in(data, size));
  return 0;
}
