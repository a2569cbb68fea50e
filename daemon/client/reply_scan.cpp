#include "daemon/client/reply_scan.hpp"

#include <charconv>

#include "daemon/client/bench_request.hpp"
#include "daemon/client/json_text.hpp"

namespace sluice::client {
namespace {

// How nearly every result begins; then the line's end is all there is to look at.
constexpr std::string_view kHead = "{\"jsonrpc\":\"2.0\",\"id\":";
constexpr std::string_view kResult = ",\"result\":";
constexpr std::size_t kResultAt = kHead.size() + RequestId::kDigits;

bool is_plain_result(std::string_view line) {
  return line.size() > kResultAt + kResult.size() + 1 && line.starts_with(kHead) &&
         line.substr(kResultAt).starts_with(kResult) && line.back() == '}';
}

// Any order of members, any white space.
ScannedReply scan_members(std::string_view line) {
  ScannedReply reply;
  bool has_result = false;
  const char* const end = line.data() + line.size();
  const char* at = skip_blank(line.data(), end);
  if (at == end || *at != '{') return {};
  at = skip_blank(at + 1, end);
  while (at < end && *at == '"') {
    const char* const key_end = skip_string(at, end);
    const std::string_view key(at, static_cast<std::size_t>(key_end - at));
    at = skip_blank(key_end, end);
    if (at == end || *at != ':') return {};
    const char* const value_begin = skip_blank(at + 1, end);
    at = skip_value(value_begin, end);
    const std::string_view value = trim_blank({value_begin, static_cast<std::size_t>(at - value_begin)});
    if (key == "\"id\"") reply.id = value;
    if (key == "\"result\"") has_result = true;
    if (key == "\"error\"" && value != "null") reply.error = value;
    at = skip_blank(at, end);
    if (at < end && *at == ',') at = skip_blank(at + 1, end);
  }
  if (at == end || *at != '}' || (!has_result && reply.error.empty())) return {};
  return reply;
}

}  // namespace

ScannedReply scan_reply(std::string_view line) {
  if (is_plain_result(line)) return {line.substr(kHead.size(), RequestId::kDigits), {}};
  return scan_members(line);
}

long error_code(std::string_view error) {
  const std::string_view text = find_member(error, "code");
  long code = 0;
  std::from_chars(text.data(), text.data() + text.size(), code);
  return code;
}

}  // namespace sluice::client
