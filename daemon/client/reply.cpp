#include "daemon/client/reply.hpp"

#include "daemon/client/json_check.hpp"
#include "daemon/client/json_text.hpp"

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
  visit_members(text, [&](std::string_view key, std::string_view value) {
    if (key == "\"id\"") reply.id = value;
    if (key == "\"result\"") reply.result = value;
    if (key == "\"error\"") reply.error = value;
    if (key == "\"method\"") reply.method = value;
  });
  return reply;
}

Result<void> check_message(std::string_view text) {
  if (const auto offset = json_error_offset(text)) {
    return unreachable("the server's answer is not JSON at byte " + std::to_string(*offset));
  }
  return {};
}

std::string describe_error(std::string_view error) {
  const std::string_view code = find_member(error, "code");
  const std::string_view data = find_member(error, "data");
  std::string line = "error " + std::string(code.empty() ? "without a code" : code) + ": ";
  line += message_text(find_member(error, "message"));
  if (!data.empty() && data != "null") line += " " + compact_json(data);
  return line;
}

}  // namespace sluice::client
