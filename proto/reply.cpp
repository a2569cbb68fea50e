#include "proto/reply.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "proto/json_text.hpp"

namespace sluice::proto {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number that the text is as a whole.
template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A JSON number that is an integer, of any size and however it is written; one that is too large becomes the
// nearest that is not.
std::optional<std::int64_t> integer(std::string_view text) {
  if (const auto exact = number<std::int64_t>(text)) return exact;
  const bool digits_only = text.find_first_not_of("-0123456789") == std::string_view::npos;
  const auto value = number<double>(text);
  if (!digits_only && (!value || std::trunc(*value) != *value)) return std::nullopt;
  using Limits = std::numeric_limits<std::int64_t>;
  constexpr double kEnd = 0x1p63;
  if (value && *value > -kEnd && *value < kEnd) return static_cast<std::int64_t>(*value);
  return text.starts_with('-') ? Limits::min() : Limits::max();
}

// An error without a code or a message is invalid: the client that receives it could not read it.
std::optional<std::int64_t> code_of(std::string_view error) {
  std::optional<std::int64_t> code;
  bool has_message = false;
  for (JsonWalker walker(error); walker.next();) {
    const bool numeric = walker.value().front() == '-' || is_digit(walker.value().front());
    if (walker.key() == "code") code = numeric ? integer(walker.value()) : std::nullopt;
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

std::optional<std::uint32_t> read_reply_id(std::string_view text, const Envelope& envelope) {
  const Span id = envelope.id;
  if (id.size == 0 || (id.kind != ValueKind::number && id.kind != ValueKind::string)) return std::nullopt;
  constexpr std::size_t kIdBytesMax = 64;  // longer ones are not ids of this server
  if (id.size > kIdBytesMax) return std::nullopt;
  const std::string string = as_string(id.in(text)).value_or(std::string());
  const std::string_view digits = id.kind == ValueKind::string ? string : id.in(text);
  const bool numeric = !digits.empty() && is_digit(digits.front());
  // The usual spelling.
  const auto usual = numeric ? number<std::uint32_t>(digits) : std::nullopt;
  if (usual) return *usual >= 1 && *usual <= kWireIdMax ? usual : std::nullopt;
  const auto value = numeric ? number<double>(digits) : std::nullopt;
  if (!value || *value < 1 || *value > kWireIdMax || std::trunc(*value) != *value) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

bool names_another(std::string_view text, const Envelope& envelope) {
  return given(envelope.id) && envelope.id.size > 0 && !read_reply_id(text, envelope);
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
  const bool unnamed = !envelope.method.present() && !read_reply_id(text, envelope);
  if (!unnamed || !read_error(text, envelope, reply)) return std::nullopt;
  return reply;
}

}  // namespace sluice::proto
