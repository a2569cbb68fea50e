#include "proto/request.hpp"

#include <algorithm>
#include <charconv>

#include "proto/json_text.hpp"
#include "proto/plain_run.hpp"

namespace sluice::proto {
namespace {

constexpr std::string_view kNoObject = "a call must be an object, and a batch an array of objects";
constexpr std::string_view kNoTimeout = "timeout_ms must be a positive integer";

std::string_view inside_quotes(std::string_view text) { return {text.data() + 1, text.size() - 2}; }

// `name` is a string within `text`, between its quotes. Of up to 16 bytes of ASCII, as most are, it takes one
// step: the closing quote is found among what follows.
bool has_escape(std::string_view name, std::string_view text) {
  static constexpr std::size_t kStep = 16;
  const char* const end = name.data() + name.size();
  const auto left = static_cast<std::size_t>(text.data() + text.size() - name.data());
  const std::size_t steps = (name.size() + kStep - 1) / kStep;
  const char* const plain_to = skip_plain(name.data(), name.data() + std::min(steps * kStep, left));
  return plain_to < end && std::find(plain_to, end, '\\') != end;
}

bool is_version_2(std::string_view text, Span span) {
  if (span.kind != ValueKind::string) return false;
  const std::string_view raw = span.in(text);
  return raw == "\"2.0\"" ||
         (raw.find('\\') != std::string_view::npos && unescape(inside_quotes(raw)) == "2.0");
}

bool may_be_id(ValueKind kind) {
  return kind == ValueKind::string || kind == ValueKind::number || kind == ValueKind::null;
}

// Nothing where `digits` is not a positive integer. One too large for the clock is as good as none.
std::optional<std::chrono::milliseconds> positive_milliseconds(std::string_view digits) {
  static constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
  if (digits.empty() || digits.front() == '-' || digits.front() == '0') return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range || value > kLongest.count()) return kLongest;
  return std::chrono::milliseconds(value);
}

}  // namespace

std::optional<InvalidRequest> read_request(std::string_view text, const Envelope& envelope, Request& request,
                                           std::string& scratch) {
  const bool has_id = envelope.id.present() && may_be_id(envelope.id.kind);
  const auto refuse = [&](std::string_view why) {
    InvalidRequest invalid;
    if (has_id) invalid.id = envelope.id.in(text);
    invalid.error = invalid_request(envelope.whole.kind == ValueKind::object ? why : kNoObject);
    return invalid;
  };

  if (!is_version_2(text, envelope.jsonrpc)) return refuse("jsonrpc must be \"2.0\"");
  if (envelope.id.present() && !has_id) return refuse("id must be a string, a number or null");
  if (envelope.method.kind != ValueKind::string) return refuse("method must be a string");
  const ValueKind params = envelope.params.kind;
  if (params != ValueKind::none && params != ValueKind::array && params != ValueKind::object) {
    return refuse("params must be an array or an object");
  }

  request.timeout.reset();
  if (envelope.timeout_ms.present()) {
    if (envelope.timeout_ms.kind != ValueKind::number) return refuse(kNoTimeout);
    request.timeout = positive_milliseconds(envelope.timeout_ms.in(text));
    if (!request.timeout) return refuse(kNoTimeout);
  }
  request.text = envelope.whole.in(text);
  request.id = envelope.id.in(text);
  request.params = envelope.params.in(text);
  request.method = inside_quotes(envelope.method.in(text));
  if (has_escape(request.method, text)) request.method = scratch = unescape(request.method);
  const bool traced = envelope.traceparent.kind == ValueKind::string;
  request.traceparent = traced ? inside_quotes(envelope.traceparent.in(text)) : std::string_view();
  return std::nullopt;
}

}  // namespace sluice::proto
