#include "lib/backend/upstream/http_response.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <limits>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

namespace sluice::core {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kShownBytesMax = 200;  // of a body, in the log

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

bool same(std::string_view text, std::string_view other) {
  return boost::beast::iequals({text.data(), text.size()}, {other.data(), other.size()});
}

// Digits alone; what is greater than fits is the greatest that does.
std::optional<std::uint32_t> number_of(std::string_view digits) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || end != digits.data() + digits.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint32_t>::max();
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

// In each of the three forms of RFC 9110, section 5.6.7, as seconds since 1970.
std::optional<std::int64_t> date_of(std::string_view text) {
  constexpr std::array<const char*, 3> kForms = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                                 "%a %b %e %H:%M:%S %Y"};
  const std::string date(text);
  for (const char* form : kForms) {
    std::tm parts{};
    const char* const end = ::strptime(date.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return ::timegm(&parts);
  }
  return std::nullopt;
}

std::string in_quotes(std::string_view text) {
  std::string quoted = "\"";
  quoted += text.substr(0, kShownBytesMax);
  quoted += '"';
  return quoted;
}

// Where a redirect leads, without a query or a user, which may be secret.
std::string address_of(std::string_view location) {
  location = location.substr(0, location.find_first_of("?#"));
  const std::size_t scheme = location.find("://");
  if (scheme == std::string_view::npos) return std::string(location);
  const std::size_t host = scheme + 3;
  const std::string_view authority = location.substr(host, location.find('/', host) - host);
  const std::size_t at = authority.rfind('@');
  const std::size_t skipped = at == std::string_view::npos ? 0 : at + 1;
  return std::string(location.substr(0, host)).append(location.substr(host + skipped));
}

bool is_text(std::string_view body) {
  return std::ranges::none_of(body.substr(0, kShownBytesMax), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t' && c != '\r' && c != '\n') || byte >= 0x7f;
  });
}

std::string start_of(std::string_view body) {
  if (body.empty()) return ", without a body";
  if (!is_text(body)) return ", with a body of " + std::to_string(body.size()) + " bytes that is not text";
  return ": " + std::string(body.substr(0, kShownBytesMax));
}

std::string cause_of_status(const HttpResponseHead& head) {
  const unsigned status = head.result_int();
  const std::string_view location = view(head[http::field::location]);
  if (status == 204 || status == 205) return ", which has no content";
  if (status >= 300 && status < 400 && !location.empty()) {
    return ", a redirect to " + in_quotes(address_of(location)) + ", which is not followed";
  }
  if (status == 401 || status == 407) return ", it asks for credentials or refuses those that it got";
  if (status == 403) return ", it does not allow this";
  if (status == 429 || status == 503) return ", it asks to retry later";
  return "";
}

}  // namespace

KeepAlive keep_alive_of(const HttpResponseHead& head) {
  KeepAlive said;
  const auto [begin, end] = head.equal_range(http::field::keep_alive);
  for (auto each = begin; each != end; ++each) {
    std::string_view rest = view(each->value());
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      const std::string_view part = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      const std::size_t equals = part.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = trimmed(part.substr(0, equals));
      const auto number = number_of(trimmed(part.substr(equals + 1)));
      if (number && same(name, "timeout")) said.idle = seconds(*number);
      if (number && same(name, "max")) said.requests = *number;
    }
  }
  return said;
}

std::optional<milliseconds> retry_after_of(const HttpResponseHead& head,
                                           std::chrono::system_clock::time_point now) {
  const std::string_view text = trimmed(view(head[http::field::retry_after]));
  if (const auto number = number_of(text)) {
    return std::min<milliseconds>(seconds(*number), kRetryAfterMax);
  }
  const auto until = date_of(text);
  if (!until) return std::nullopt;
  const auto since =
      date_of(view(head[http::field::date])).value_or(std::chrono::system_clock::to_time_t(now));
  return std::clamp<milliseconds>(seconds(*until - since), milliseconds(0), kRetryAfterMax);
}

bool is_identity(const HttpResponseHead& head) {
  const std::string_view encoding = trimmed(view(head[http::field::content_encoding]));
  const std::string_view transfer = trimmed(view(head[http::field::transfer_encoding]));
  return (encoding.empty() || same(encoding, "identity")) &&
         (transfer.empty() || same(transfer, "identity") || same(transfer, "chunked"));
}

std::string unusable_because(const HttpResponseHead& head, std::string_view body) {
  std::string text = "status " + std::to_string(head.result_int()) + cause_of_status(head);
  if (!is_identity(head)) {
    for (const auto field : {http::field::content_encoding, http::field::transfer_encoding}) {
      const std::string_view encoding = view(head[field]);
      if (encoding.empty()) continue;
      text += ", " + std::string(view(http::to_string(field))) + " " + in_quotes(encoding);
    }
    return text + ", which was not asked for";
  }
  const std::string_view type = view(head[http::field::content_type]);
  if (!type.empty()) text += ", Content-Type " + in_quotes(type);
  return text + start_of(body);
}

}  // namespace sluice::core
