#include "cli/reply.hpp"

#include "cli/json_check.hpp"
#include "cli/json_text.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

// The message as people read it, unless it would break the line or the terminal.
std::string message_text(std::string_view message) {
  const std::string text = unquote_json(message);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::string(message);
  }
  return text;
}

}  // namespace

Reply parse_reply(std::string_view text) {
  Reply reply;
  reply.text = text;
  for (proto::JsonWalker members(text); members.next();) {
    if (members.key() == "id") reply.id = members.value();
    if (members.key() == "result") reply.result = members.value();
    if (members.key() == "error") reply.error = members.value();
    if (members.key() == "method") reply.method = members.value();
  }
  return reply;
}

Result<void> check_message(std::string_view text) {
  if (const auto offset = json_error_offset(text)) {
    return unreachable("the server's answer is not JSON at byte " + std::to_string(*offset));
  }
  return success();
}

std::string describe_error(std::string_view error) {
  const std::string_view code = proto::member(error, "code").value_or("without a code");
  const std::string_view data = proto::member(error, "data").value_or("null");
  std::string line = "error " + std::string(code) + ": ";
  line += message_text(proto::member(error, "message").value_or(""));
  if (data != "null") line += " " + compact_json(data);
  return line;
}

std::string describe_note(std::string_view text) {
  const std::string_view params = proto::member(text, "params").value_or("");
  const std::string method = message_text(proto::member(text, "method").value_or(""));
  return params.empty() ? method : method + " " + compact_json(params);
}

}  // namespace sluice::client
