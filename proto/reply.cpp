#include "proto/reply.hpp"

#include <charconv>

#include "proto/json_text.hpp"

namespace sluice::proto {
namespace {

template <typename T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// An error without a code and a message would not be one to whoever gets it passed on.
std::optional<int> code_of(std::string_view error) {
  std::optional<int> code;
  bool has_message = false;
  for (JsonWalker walker(error); walker.next();) {
    if (walker.key() == "code") code = whole_number<int>(walker.value());
    if (walker.key() == "message") has_message = walker.value().front() == '"';
  }
  return has_message ? code : std::nullopt;
}

bool given(Span member) { return member.present() && member.kind != ValueKind::null; }

// Whether there is an error and nothing else, and all that belongs to one.
bool read_error(std::string_view text, const Envelope& envelope, Reply& reply) {
  if (given(envelope.result) || envelope.error.kind != ValueKind::object) return false;
  reply.error = envelope.error.in(text);
  const auto code = code_of(reply.error);
  reply.error_code = code.value_or(0);
  return code.has_value();
}

}  // namespace

std::optional<std::uint64_t> read_reply_id(std::string_view text, const Envelope& envelope) {
  if (envelope.id.kind != ValueKind::number || envelope.id.size == 0) return std::nullopt;
  return whole_number<std::uint64_t>(envelope.id.in(text));
}

std::optional<Reply> read_reply(std::string_view text, const Envelope& envelope) {
  const auto id = read_reply_id(text, envelope);
  if (!id || envelope.method.present()) return std::nullopt;
  Reply reply;
  reply.id = *id;
  if (!given(envelope.error)) {
    if (!envelope.result.present()) return std::nullopt;
    reply.result = envelope.result.in(text);
    return reply;
  }
  if (!read_error(text, envelope, reply)) return std::nullopt;
  return reply;
}

std::optional<Reply> read_unnamed_error(std::string_view text, const Envelope& envelope) {
  Reply reply;
  const bool unnamed = !given(envelope.id) && !envelope.method.present();
  if (!unnamed || !read_error(text, envelope, reply)) return std::nullopt;
  return reply;
}

}  // namespace sluice::proto
