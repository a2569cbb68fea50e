#include "lib/transport/protocol_detector.hpp"

#include <algorithm>
#include <array>

#include "lib/transport/token.hpp"
#include "proto/byte_order_mark.hpp"

namespace sluice::core {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Whether `bytes` begins with `token`, in any case, or still may.
enum class Match : std::uint8_t { no, possible, yes };

Match match(std::string_view bytes, std::string_view token) {
  const std::size_t size = std::min(bytes.size(), token.size());
  for (std::size_t i = 0; i < size; ++i) {
    if (lower(bytes[i]) != token[i]) return Match::no;
  }
  return size == token.size() ? Match::yes : Match::possible;
}

// Length limit of a method's name (RFC 9110, section 9.1).
constexpr std::size_t kMethodBytesMax = 64;

// A request line with an unknown method. An incomplete method is waited for only in capitals, as all
// registered ones are: other words may be broken messages, which are answered at once.
Match match_request(std::string_view bytes) {
  const auto end = std::min<std::size_t>(std::ranges::find_if_not(bytes, is_token_character) - bytes.begin(),
                                         bytes.size());
  if (end == 0 || end > kMethodBytesMax) return Match::no;
  const bool capital = bytes[0] >= 'A' && bytes[0] <= 'Z';
  const Match undecided = capital ? Match::possible : Match::no;
  if (end == bytes.size()) return undecided;
  if (bytes[end] != ' ') return Match::no;
  const std::string_view target = bytes.substr(end + 1);
  if (target.empty()) return undecided;
  if (target[0] == '/') return Match::yes;
  Match best = Match::no;
  for (const std::string_view form : {"* ", "http://", "https://"})
    best = std::max(best, match(target, form));
  return best == Match::possible ? undecided : best;
}

// PROXY protocol, version 2: its signature without the white space at its beginning.
constexpr std::string_view kProxySignature("\0\r\nquit\n", 8);

}  // namespace

WireProtocol detect_protocol(std::string_view bytes) {
  static constexpr std::array<std::string_view, 2> kHeaders = {"content-length:", "content-type:"};
  // In another case they are not methods; HTTP answers those.
  static constexpr std::array<std::string_view, 10> kHttpMethods = {
      "get ", "head ", "post ", "put ", "delete ", "connect ", "options ", "trace ", "patch ", "pri "};
  static constexpr std::array<std::string_view, 3> kProxy = {"proxy tcp", "proxy unknown", kProxySignature};
  const std::size_t begin = bytes.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return WireProtocol::undecided;
  bytes.remove_prefix(begin);
  if (proto::kByteOrderMark.starts_with(bytes)) return WireProtocol::undecided;
  const bool marked = bytes.starts_with(proto::kByteOrderMark);
  if (marked) bytes.remove_prefix(proto::kByteOrderMark.size());

  bool possible = false;
  const auto begins_with = [&](const auto& tokens) {
    return std::ranges::any_of(tokens, [&](std::string_view token) {
      const Match found = match(bytes, token);
      possible = possible || found == Match::possible;
      return found == Match::yes;
    });
  };
  if (begins_with(kHeaders)) return WireProtocol::header;
  // Some writers begin everything with a byte order mark, but clients of other protocols do not.
  if (marked) return possible ? WireProtocol::undecided : WireProtocol::stream;
  if (begins_with(kProxy)) return WireProtocol::proxy;
  if (begins_with(kHttpMethods)) return WireProtocol::http;
  const Match request = match_request(bytes);
  if (request == Match::yes) return WireProtocol::http;
  return possible || request == Match::possible ? WireProtocol::undecided : WireProtocol::stream;
}

}  // namespace sluice::core
