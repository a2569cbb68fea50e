#include "lib/transport/http/request_parser.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>

namespace sluice::core {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Largest reservation for a body at once: an announced length alone costs nothing.
constexpr std::size_t kBodyReserveMax = 64 * 1024;

// Shortest end of a chunked body.
constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// Whether a list of media types has the one of events. Wildcards do not count: who can't read a stream sends
// them too.
bool lists_event_stream(std::string_view list) {
  constexpr std::string_view kType = "text/event-stream";
  while (list.size() >= kType.size()) {
    const std::string_view element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(element.size() + 1, list.size()));
    std::string_view type = element.substr(0, element.find(';'));
    type.remove_prefix(std::min(type.find_first_not_of(" \t"), type.size()));
    type = type.substr(0, type.find_last_not_of(" \t") + 1);
    if (beast::iequals({type.data(), type.size()}, {kType.data(), kType.size()})) return true;
  }
  return false;
}

bool has_bare_lf(std::string_view lines) {
  for (std::size_t at = lines.find('\n'); at != std::string_view::npos; at = lines.find('\n', at + 1)) {
    if (at == 0 || lines[at - 1] != '\r') return true;
  }
  return false;
}

// Whether a chunk's line has ended inside a quoted string. The end of the previous chunk precedes it.
bool has_open_quote(std::string_view lines) {
  const std::size_t begin = lines.starts_with("\r\n") ? 2 : 0;
  const std::size_t end = lines.find("\r\n", begin);
  if (end == std::string_view::npos) return false;
  bool quoted = false;
  for (std::size_t at = begin; at < end; ++at) {
    if (lines[at] == '"') quoted = !quoted;
    if (lines[at] == '\\' && quoted) ++at;
  }
  return quoted;
}

}  // namespace

HttpRequestParser::HttpRequestParser(std::size_t body_bytes_max, std::string body) : body_(std::move(body)) {
  body_limit(body_bytes_max);
  header_limit(static_cast<std::uint32_t>(kHttpHeaderBytesMax));
}

HttpRequestParser::Progress HttpRequestParser::parse(std::string_view window, std::size_t parts_max) {
  Progress progress;
  Progress part;
  do {
    part = parse_part(window.substr(progress.consumed));
    progress.consumed += part.consumed;
    progress.stopped = --parts_max == 0;
  } while (part.status == Status::need_more && part.consumed > 0 && progress.consumed < window.size() &&
           !progress.stopped);
  progress.stopped = progress.stopped && part.consumed > 0;
  progress.status = part.status;
  return progress;
}

// One part at a time, so that its length is known: the head, a chunk's line, a piece of the body.
HttpRequestParser::Progress HttpRequestParser::parse_part(std::string_view window) {
  // Beast assumes that much input.
  if (header_done_ && chunked() && window.size() < kLastChunk.size()) return {Status::need_more, 0};
  const bool in_header = !header_done_;
  window_ = window;
  chunk_line_ = false;
  error_code error;
  const std::size_t consumed = put(boost::asio::const_buffer(window.data(), window.size()), error);
  const bool waits = error == http::error::need_more;
  if (too_long(in_header, consumed, waits ? window.size() - consumed : 0)) {
    return {in_header ? Status::header_too_large : Status::bad_request, consumed};
  }
  if (error && !waits) return {status_of(error), consumed};
  if (is_done()) return {Status::complete, consumed};
  // Beast searches only for the end of the head. Lines with other ends do not contain it.
  // Beast searches for the end of a quoted string in the following lines as well.
  const std::string_view waiting = waits ? window.substr(consumed) : std::string_view();
  if (in_header ? has_bare_lf(waiting) : has_open_quote(waiting)) return {Status::bad_request, consumed};
  return {Status::need_more, consumed};
}

// Beast limits the rest of a header block, and does not limit chunk lines; this limits the whole. `waiting`
// bytes belong to an incomplete part.
bool HttpRequestParser::too_long(bool in_header, std::size_t consumed, std::size_t waiting) {
  if (in_header) {
    header_bytes_ += consumed;
    return header_bytes_ + waiting > kHttpHeaderBytesMax;
  }
  return (chunk_line_ ? consumed : waiting) > kHttpChunkLineBytesMax;
}

HttpRequestParser::Status HttpRequestParser::status_of(const error_code& error) const {
  if (unsupported_) return Status::unsupported;
  if (error == http::error::header_limit) return Status::header_too_large;
  if (error == http::error::body_limit) return Status::body_too_large;
  return Status::bad_request;
}

void HttpRequestParser::on_request_impl(http::verb, string_view method, string_view target, int version,
                                        error_code&) {
  head_.method = view(method);
  head_.target = view(target);
  head_.http11 = version >= 11;
}

void HttpRequestParser::note(std::string& member, string_view value, bool& seen, error_code& error) {
  if (seen) error = http::error::bad_field;
  seen = true;
  member = view(value);
}

void HttpRequestParser::on_field_impl(field name, string_view name_text, string_view value,
                                      error_code& error) {
  if (header_done_) return;  // a trailer, which is ignored
  if (folded(name_text, value)) {
    error = http::error::bad_value;
    return;
  }
  switch (name) {
    case field::host:
      return note(head_.host, value, head_.has_host, error);
    case field::origin:
      return note(head_.origin, value, head_.has_origin, error);
    case field::content_type:
      return note(head_.content_type, value, has_content_type_, error);
    case field::authorization:
      return note(head_.authorization, value, has_authorization_, error);
    case field::sec_websocket_key:
      return note(head_.websocket_key, value, has_websocket_key_, error);
    case field::sec_websocket_version:
      return note(head_.websocket_version, value, has_websocket_version_, error);
    case field::upgrade:
      head_.names_websocket = head_.names_websocket || http::token_list(value).exists("websocket");
      return;
    case field::sec_websocket_protocol:
      return join(head_.subprotocols, value);
    case field::content_encoding:
      return join(head_.content_encoding, value);
    case field::accept:
      head_.accepts_events = head_.accepts_events || lists_event_stream(view(value));
      return;
    case field::expect:
      (beast::iequals(value, "100-continue") ? head_.expects_continue : head_.expects_other) = true;
      return;
    case field::content_length:
    case field::transfer_encoding:
      return note_framing(name, value, error);
    case field::unknown:
      if (beast::iequals(name_text, "sluice-timeout-ms"))
        return note(head_.timeout_ms, value, head_.has_timeout_ms, error);
      if (beast::iequals(name_text, "traceparent")) return note_trace(value);
      if (beast::iequals(name_text, "last-event-id")) head_.last_event_id = view(value);
      return;
    default:
      return;
  }
}

// A list may be spread over several headers (RFC 9110, section 5.3).
void HttpRequestParser::join(std::string& member, string_view value) {
  if (!member.empty()) member += ',';
  member += view(value);
}

// Several headers invalidate each other (W3C Trace Context, section 3.2), but do not make the call invalid.
void HttpRequestParser::note_trace(string_view value) {
  head_.traceparent = has_traceparent_ ? std::string_view() : view(value);
  has_traceparent_ = true;
}

// Servers interpret folded lines differently. Beast joins them elsewhere, or skips empty ones.
bool HttpRequestParser::folded(string_view name, string_view value) const {
  const char* const begin = name.data() + name.size();
  const bool in_window =
      value.data() >= begin && value.data() + value.size() <= window_.data() + window_.size();
  return !in_window || std::find(begin, value.data(), '\n') != value.data();
}

// Beast accepts repeated equal lengths, and ignores unknown encodings.
void HttpRequestParser::note_framing(field name, string_view value, error_code& error) {
  const bool length = name == field::content_length;
  bool& seen = length ? has_content_length_ : has_transfer_encoding_;
  const bool digits = std::ranges::all_of(view(value), [](char c) { return c >= '0' && c <= '9'; });
  if (seen || (length && !digits) || (has_content_length_ && !length) || (has_transfer_encoding_ && length)) {
    error = http::error::bad_content_length;
  } else if (!length && !beast::iequals(value, "chunked")) {
    unsupported_ = true;
    error = http::error::bad_transfer_encoding;
  }
  seen = true;
  head_.has_body = head_.has_body || !length || value.find_first_not_of('0') != string_view::npos;
}

void HttpRequestParser::on_header_impl(error_code& error) {
  header_done_ = true;
  head_.keep_alive = keep_alive();
  head_.upgrade_websocket = head_.names_websocket && upgrade();
  if (head_.http11 && !head_.has_host) error = http::error::bad_field;
  // HTTP/1.0 has no expectations.
  if (!head_.http11) head_.expects_continue = head_.expects_other = false;
  if (!head_.http11 && has_transfer_encoding_) error = http::error::bad_transfer_encoding;
}

void HttpRequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& content_length, error_code&) {
  if (content_length && keep_body_) body_.reserve(std::min<std::uint64_t>(*content_length, kBodyReserveMax));
}

std::size_t HttpRequestParser::on_body_impl(string_view piece, error_code&) {
  if (keep_body_) body_.append(piece.data(), piece.size());
  return piece.size();
}

// For Beast, quoted strings may contain anything; others end a line at LF.
void HttpRequestParser::on_chunk_header_impl(std::uint64_t, string_view extensions, error_code& error) {
  chunk_line_ = true;
  const auto control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; };
  if (std::ranges::any_of(view(extensions), control)) error = http::error::bad_chunk_extension;
}

std::size_t HttpRequestParser::on_chunk_body_impl(std::uint64_t, string_view piece, error_code& error) {
  return on_body_impl(piece, error);
}

}  // namespace sluice::core
