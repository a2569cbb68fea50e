#include "lib/transport/http/response.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <ctime>

#include <boost/beast/http/status.hpp>

#include "proto/error.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

using proto::ErrorCode;

std::string_view data_member(std::string_view reply, std::string_view name) {
  const auto error = proto::member(reply, "error");
  const auto data = error ? proto::member(*error, "data") : std::nullopt;
  const auto value = data ? proto::member(*data, name) : std::nullopt;
  return value.value_or(std::string_view());
}

// Updated once a second: a call needs the wall clock for nothing else.
const std::string& date_line(TimePoint now) {
  thread_local std::string line;
  thread_local TimePoint until = TimePoint::min();
  if (now < until) return line;
  until = now + std::chrono::seconds(1);
  const std::time_t wall = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&wall, &utc);
  char text[64];
  // In the C locale, which the embedding program may have changed.
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int size = std::snprintf(text, sizeof text, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n",
                                 kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon], 1900 + utc.tm_year,
                                 utc.tm_hour, utc.tm_min, utc.tm_sec);
  line.assign(text, static_cast<std::size_t>(size));
  return line;
}

void append_number(std::string& out, std::size_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
    return;
  }
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(status));
  out += ' ';
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  out.append(reason.data(), reason.size());
  out += "\r\n";
}

[[gnu::always_inline]] inline void append_head(std::string& out, const HttpResponseHead& head,
                                               TimePoint now) {
  append_status_line(out, head.status);
  out += date_line(now);
  if (!head.keep_alive) {
    out += "Connection: close\r\n";
  } else if (!head.http11) {
    out += "Connection: keep-alive\r\n";
  }
  out += head.extra;
}

}  // namespace

int http_status(std::int64_t code, std::string_view reply) {
  switch (static_cast<ErrorCode>(code)) {
    case ErrorCode::rate_limited:
      return 429;
    case ErrorCode::request_too_big:
      return 413;
    case ErrorCode::busy:
    case ErrorCode::draining:
      return 503;
    case ErrorCode::not_allowed:
      return data_member(reply, "reason") == "\"unauthenticated\"" ? 401 : 403;
    default:
      return 200;
  }
}

std::string headers_of_error(int status, std::string_view reply) {
  if (status == 401) return "WWW-Authenticate: Bearer\r\n";
  if (status != 429 && status != 503) return {};
  const std::string_view text = data_member(reply, "retry_after_ms");
  std::uint64_t ms = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), ms).ptr == text.data()) return {};
  // Whole seconds, rounded up: zero would be too early.
  return "Retry-After: " + std::to_string(ms / 1000 + (ms % 1000 != 0 ? 1 : 0)) + "\r\n";
}

void append_response(std::string& out, const HttpResponseHead& head, std::string_view body, bool body_wanted,
                     TimePoint now) {
  append_head(out, head, now);
  if (head.status == 204) {
    out += "\r\n";
    return;
  }
  out += head.is_json ? std::string_view("Content-Type: application/json\r\nContent-Length: ")
                      : "Content-Type: text/plain; charset=utf-8\r\nContent-Length: ";
  append_number(out, body.size());
  out += "\r\n\r\n";
  if (body_wanted) out += body;
}

void append_event_stream_head(std::string& out, const HttpResponseHead& head, TimePoint now) {
  append_head(out, head, now);
  // Proxies must neither hold the events back nor store them.
  out += "Content-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n";
  out += head.http11 ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
}

}  // namespace sluice::core
