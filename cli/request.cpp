#include "cli/request.hpp"

#include "cli/json_text.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {

std::string settings_members(const CallSettings& settings) {
  std::string text;
  if (settings.deadline) text += ",\"timeout_ms\":" + std::to_string(settings.deadline->count());
  if (!settings.traceparent.empty()) text += ",\"traceparent\":" + proto::quoted(settings.traceparent);
  if (settings.notes) text += ",\"notes\":true";
  return text;
}

std::string make_request(std::string_view method, std::string_view params, std::string_view id,
                         const CallSettings& settings) {
  std::string text = "{\"jsonrpc\":\"2.0\"";
  if (!id.empty()) text.append(",\"id\":").append(id);
  text += ",\"method\":" + proto::quoted(method);
  if (!params.empty()) {
    const bool one_line = params.find_first_of("\r\n") == std::string_view::npos;
    text.append(",\"params\":").append(one_line ? std::string(params) : compact_json(params));
  }
  return text += settings_members(settings) + "}\n";
}

}  // namespace sluice::client
