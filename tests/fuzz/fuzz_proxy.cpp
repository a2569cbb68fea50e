// The PROXY header: however the bytes are cut up, the outcome is the same, and nothing behind it is taken.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "lib/transport/proxy_header.hpp"
#include "tests/proto/fuzz_transcript.hpp"

namespace sluice::fuzz {
namespace {

using core::ProxyHeader;
using Status = ProxyHeader::Status;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::array<std::string_view, 8> kPieces = {
    "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n",
    "PROXY TCP6 ::1 ::2 9 10\r\n",
    "PROXY UNKNOWN",
    "\r\n",
    std::string_view("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16),
    std::string_view("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16),
    kSignature,
    "1.2.3.4 "};

struct Outcome {
  Status status = Status::need_more;
  std::size_t taken = 0;
  std::string source;
  bool operator==(const Outcome&) const = default;
};

template <typename NextSize>
Outcome read(std::string_view bytes, NextSize next_size) {
  ProxyHeader header;
  std::size_t come = 0;
  Outcome outcome;
  while (header.status() == Status::need_more && come < bytes.size()) {
    come = std::min(bytes.size(), come + next_size(come));
    // The received bytes are passed again and again, as with MSG_PEEK, but each byte at an address of its
    // own.
    while (header.status() == Status::need_more && outcome.taken < come) {
      const std::size_t seen = std::min(come - outcome.taken, header.wanted());
      expect(seen > 0, "it wants something while it needs more");
      const std::string copy(bytes.substr(outcome.taken, seen));
      const std::size_t taken = header.take(copy);
      expect(taken <= seen, "no more is taken than there is");
      expect(taken > 0 || header.status() != Status::need_more, "it goes on");
      outcome.taken += taken;
    }
  }
  outcome.status = header.status();
  if (header.source())
    outcome.source.assign(reinterpret_cast<const char*>(&*header.source()), sizeof(sockaddr_in6));
  return outcome;
}

// The size of a header of version 1 or 2 by the rules in their shortest form; 0 if it is incomplete.
std::size_t expected_size(std::string_view bytes) {
  if (bytes.starts_with("PROXY ")) {
    const std::size_t end = bytes.substr(0, core::kProxyLineBytesMax).find('\n');
    return end == std::string_view::npos ? 0 : end + 1;
  }
  if (!bytes.starts_with(kSignature) || bytes.size() < 16) return 0;
  const std::size_t length =
      static_cast<unsigned char>(bytes[14]) << 8 | static_cast<unsigned char>(bytes[15]);
  return bytes.size() < 16 + length ? 0 : 16 + length;
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  if (size > 1024 || size < 2) return 0;
  const std::uint8_t seed = data[size - 1];
  std::string bytes;
  for (std::size_t i = 0; i + 1 < size; ++i) {
    if (i == 0 && data[i] >= 0x80)
      bytes += kPieces[data[i] % kPieces.size()];
    else
      bytes += static_cast<char>(data[i]);
  }
  const Outcome whole = read(bytes, [&](std::size_t) { return bytes.size(); });
  const Outcome pieces = read(bytes, PieceSizes(seed));
  expect(whole.status == pieces.status && whole.source == pieces.source, "in pieces the outcome is the same");
  if (whole.status == Status::complete) {
    expect(whole == pieces, "in pieces as much is taken");
    expect(whole.taken == expected_size(bytes), "what is taken is the header");
  }
  if (whole.status == Status::need_more)
    expect(whole.taken == bytes.size(), "what could be a header is taken");
  return 0;
}
