// `Content-Length` framing: however the bytes are cut up, the messages are the same.
#include <array>
#include <string>
#include <string_view>

#include "tests/fuzz/spell_out.hpp"
#include "tests/proto/fuzz_transcript.hpp"

namespace sluice::fuzz {
namespace {

// Each byte from 0x80 on stands for one of these texts, so that the fuzzer need not guess header blocks.
constexpr std::array<std::string_view, 16> kPieces = {"Content-Length: ",
                                                      "content-length:",
                                                      "Content-Type: x",
                                                      "\r\n",
                                                      "\r\n\r\n",
                                                      "\n\n",
                                                      "2",
                                                      "1",
                                                      "{}",
                                                      "[1]",
                                                      "{\"id\":1}",
                                                      "Content-Length: 2\r\n\r\n{}",
                                                      "Content-Length: 10\r\n\r\n",
                                                      "0",
                                                      "\xC3\xA9",
                                                      "\xFF"};

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;
  auto input = sluice::fuzz::transcript_in(data, size);
  const std::string bytes = sluice::fuzz::spell_out(input.bytes, sluice::fuzz::kPieces);
  input.bytes = bytes;
  sluice::fuzz::check_pieces(sluice::proto::Framing::header, input);
  return 0;
}
