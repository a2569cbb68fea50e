#include "lib/transport/http/events_query.hpp"

#include <algorithm>
#include <optional>

#include "lib/base/hex_digit.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

constexpr std::string_view kParameters = "topic, once for each topic, and last_event_id";

// As forms are encoded: "+" is a blank. Nothing for text that is not so encoded.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at] == '+' ? ' ' : text[at];
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

// Names and positions have no other characters. JSON text must not get any bytes of a client's choice.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Result<std::string, proto::Error> subscribe_call(std::string_view target, std::string_view last_event_id) {
  std::string topics;
  std::string from(last_event_id);
  std::string_view query = target.substr(std::min(target.find('?'), target.size()));
  if (!query.empty()) query.remove_prefix(1);
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    if (parameter.empty()) continue;
    const std::string_view name = parameter.substr(0, parameter.find('='));
    const auto value = decoded(parameter.substr(std::min(name.size() + 1, parameter.size())));
    if (!value || !is_plain(*value)) return proto::invalid_params("/query", kParameters);
    if (name == "topic") {
      topics.append(topics.empty() ? "" : ",").append(proto::quoted(*value));
    } else if (name != "last_event_id") {
      return proto::invalid_params("/query", kParameters);
    } else if (last_event_id.empty()) {
      from = *value;
    }
  }
  if (!is_plain(from)) return proto::invalid_params("/from", "the pos of an event");
  std::string call =
      R"({"jsonrpc":"2.0","id":null,"method":"rpc.subscribe","params":{"topic":[)" + topics + "]";
  if (!from.empty()) call.append(R"(,"from":)").append(proto::quoted(from));
  return call.append("}}");
}

}  // namespace sluice::core
