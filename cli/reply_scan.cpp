#include "cli/reply_scan.hpp"

#include <charconv>

#include "cli/bench_request.hpp"
#include "cli/json_check.hpp"
#include "cli/reply.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

// The usual beginning of a result; then only the line's end has to be checked.
constexpr std::string_view kHead = "{\"jsonrpc\":\"2.0\",\"id\":";
constexpr std::string_view kResult = ",\"result\":";
constexpr std::size_t kResultAt = kHead.size() + RequestId::kDigits;

bool is_plain_result(std::string_view line) {
  return line.size() > kResultAt + kResult.size() + 1 && line.starts_with(kHead) &&
         line.substr(kResultAt).starts_with(kResult) && line.back() == '}';
}

// Any order of members, any white space.
ScannedReply scan_members(std::string_view line) {
  if (!is_json(line)) return {};
  const Reply reply = parse_reply(line);
  if (reply.is_error()) return {reply.id, reply.error};
  return reply.result.empty() ? ScannedReply() : ScannedReply{reply.id, {}};
}

}  // namespace

ScannedReply scan_reply(std::string_view line) {
  if (is_plain_result(line)) return {line.substr(kHead.size(), RequestId::kDigits), {}};
  return scan_members(line);
}

long error_code(std::string_view error) {
  const std::string_view text = proto::member(error, "code").value_or("");
  long code = 0;
  std::from_chars(text.data(), text.data() + text.size(), code);
  return code;
}

}  // namespace sluice::client
