#include "cli/event.hpp"

#include <charconv>

#include "cli/json_text.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return count;
}

std::optional<Event> parse_event(std::string_view message) {
  const std::string method = unquote_json(proto::member(message, "method").value_or(""));
  if (method != "rpc.subscription" && method != "rpc_subscription") return std::nullopt;
  const std::string_view params = proto::member(message, "params").value_or("");
  Event event;
  if (!params.starts_with('{')) return event;
  for (proto::JsonWalker members(params); members.next();) {
    if (members.key() == "subscription") event.subscription = members.value();
    if (members.key() == "topic") event.topic = members.value();
    if (members.key() == "pos") event.pos = members.value();
    if (members.key() == "result") event.result = members.value();
    if (members.key() == "error") event.error = members.value();
    if (members.key() == "n") event.number = parse_count(members.value());
    if (members.key() == "dropped") event.dropped = parse_count(members.value()).value_or(0);
    if (members.key() == "gap") event.gap = members.value() == "true";
  }
  return event;
}

}  // namespace sluice::client
