#include "lib/backend/wire_note.hpp"

#include "proto/json_text.hpp"
#include "proto/reply.hpp"

namespace sluice::core {
namespace {

using proto::ValueKind;

bool is_notification(const proto::Message& message) {
  const proto::Envelope& envelope = message.single;
  const ValueKind params = envelope.params.kind;
  return !message.is_batch() && envelope.jsonrpc.present() && envelope.method.kind == ValueKind::string &&
         !envelope.id.present() &&
         (params == ValueKind::none || params == ValueKind::object || params == ValueKind::array);
}

bool is_servers_own(std::string_view method) {
  const std::string name = proto::as_string(method).value_or(std::string());
  return name.starts_with("rpc.") && name != "rpc.progress";
}

std::optional<std::uint32_t> id_in(std::string_view text, std::string_view value) {
  proto::Envelope named;
  named.id.begin = static_cast<std::uint32_t>(value.data() - text.data());
  named.id.size = static_cast<std::uint32_t>(value.size());
  named.id.kind = value.starts_with('"') ? ValueKind::string : ValueKind::number;
  if (!value.starts_with('"') && (value.front() < '0' || value.front() > '9')) return std::nullopt;
  return proto::read_reply_id(text, named);
}

// The token of MCP, or of LSP.
std::string_view token_in(std::string_view params, bool& replaces) {
  if (!params.starts_with('{')) return {};
  const auto token = proto::member(params, "progressToken");
  replaces = token.has_value();
  return token ? *token : proto::member(params, "token").value_or(std::string_view());
}

}  // namespace

std::optional<WireNote> read_note(std::string_view text, const proto::Message& message, Dialect dialect) {
  if (!is_notification(message)) return std::nullopt;
  WireNote note;
  note.method = message.single.method.in(text);
  if (is_servers_own(note.method)) return std::nullopt;
  if (message.single.params.present()) note.params = message.single.params.in(text);
  bool replaces = false;
  note.token = token_in(note.params, replaces);
  if (replaces) note.key = note.token;
  for (proto::JsonWalker walker(text); walker.next();) {
    if (walker.key() == "key") note.key = walker.value();
    if (walker.key() != "call" || dialect != Dialect::sluice) continue;
    note.names_call = true;
    note.call = id_in(text, walker.value());
  }
  return note;
}

}  // namespace sluice::core
