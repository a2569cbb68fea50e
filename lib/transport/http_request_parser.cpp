#include "lib/transport/http_request_parser.hpp"

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

// The room made for a body at once; a length that is only announced costs nothing.
constexpr std::size_t kBodyReserveMax = 64 * 1024;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

HttpRequestParser::HttpRequestParser(std::size_t body_bytes_max, std::string body) : body_(std::move(body)) {
  body_limit(body_bytes_max);
  header_limit(static_cast<std::uint32_t>(kHttpHeaderBytesMax));
  eager(true);
}

HttpRequestParser::Progress HttpRequestParser::parse(std::string_view window) {
  window_ = window;
  error_code error;
  const std::size_t consumed = put(boost::asio::const_buffer(window.data(), window.size()), error);
  const std::size_t left = window.size() - consumed;
  // Beast bounds what is left of a header block; this bounds the whole.
  if (!header_done_) {
    header_bytes_ += consumed;
    if (header_bytes_ + (error == http::error::need_more ? left : 0) > kHttpHeaderBytesMax) {
      return {Status::header_too_large, consumed};
    }
  }
  if (error && error != http::error::need_more) return {status_of(error), consumed};
  if (is_done()) return {Status::complete, consumed};
  if (header_done_ && chunked() && error == http::error::need_more && left > kHttpChunkLineBytesMax) {
    return {Status::bad_request, consumed};
  }
  return {Status::need_more, consumed};
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
  if (header_done_) return;  // a trailer: nothing in it is wanted
  // Folded lines are joined somewhere else, and mean different things to different servers.
  const bool in_window = value.empty() || (value.data() >= window_.data() &&
                                           value.data() + value.size() <= window_.data() + window_.size());
  if (!in_window) {
    error = http::error::bad_value;
    return;
  }
  switch (name) {
    case field::host:
      return note(head_.host, value, has_host_, error);
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
      head_.upgrade_websocket = http::token_list(value).exists("websocket");
      return;
    case field::expect:
      head_.expects_continue = beast::iequals(value, "100-continue");
      unsupported_ = unsupported_ || !head_.expects_continue;
      if (unsupported_) error = http::error::bad_value;
      return;
    case field::content_length:
    case field::transfer_encoding:
      return note_framing(name, value, error);
    case field::unknown:
      if (beast::iequals(name_text, "sluice-timeout-ms"))
        return note(head_.timeout_ms, value, head_.has_timeout_ms, error);
      if (beast::iequals(name_text, "traceparent"))
        return note(head_.traceparent, value, has_traceparent_, error);
      return;
    default:
      return;
  }
}

// Beast takes equal lengths for one, and leaves encodings that it does not know alone.
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
}

void HttpRequestParser::on_header_impl(error_code& error) {
  header_done_ = true;
  head_.keep_alive = keep_alive();
  head_.upgrade_websocket = head_.upgrade_websocket && upgrade();
  if (head_.http11 && !has_host_) error = http::error::bad_field;
  if (!head_.http11 && has_transfer_encoding_) error = http::error::bad_transfer_encoding;
}

void HttpRequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& content_length, error_code&) {
  if (content_length && keep_body_) body_.reserve(std::min<std::uint64_t>(*content_length, kBodyReserveMax));
}

std::size_t HttpRequestParser::on_body_impl(string_view piece, error_code&) {
  if (keep_body_) body_.append(piece.data(), piece.size());
  return piece.size();
}

std::size_t HttpRequestParser::on_chunk_body_impl(std::uint64_t, string_view piece, error_code& error) {
  return on_body_impl(piece, error);
}

}  // namespace sluice::core
