#include "lib/transport/protocol_detector.hpp"

#include <algorithm>
#include <array>

namespace sluice::core {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Whether `bytes` begins with `token`, in any case, or could still come to.
enum class Match : std::uint8_t { no, possible, yes };

Match match(std::string_view bytes, std::string_view token) {
  const std::size_t size = std::min(bytes.size(), token.size());
  for (std::size_t i = 0; i < size; ++i) {
    if (lower(bytes[i]) != token[i]) return Match::no;
  }
  return size == token.size() ? Match::yes : Match::possible;
}

}  // namespace

WireProtocol detect_protocol(std::string_view bytes) {
  static constexpr std::array<std::string_view, 2> kHeaders = {"content-length:", "content-type:"};
  // In another case they are no methods, which is for HTTP to say.
  static constexpr std::array<std::string_view, 10> kHttpMethods = {
      "get ", "head ", "post ", "put ", "delete ", "connect ", "options ", "trace ", "patch ", "pri "};
  const std::size_t begin = bytes.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return WireProtocol::undecided;
  bytes.remove_prefix(begin);

  bool possible = false;
  for (const std::string_view header : kHeaders) {
    const Match found = match(bytes, header);
    if (found == Match::yes) return WireProtocol::header;
    possible = possible || found == Match::possible;
  }
  for (const std::string_view method : kHttpMethods) {
    const Match found = match(bytes, method);
    if (found == Match::yes) return WireProtocol::http;
    possible = possible || found == Match::possible;
  }
  return possible ? WireProtocol::undecided : WireProtocol::stream;
}

}  // namespace sluice::core
