#include "lib/backend/upstream_http_connection.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include "lib/backend/wire_call.hpp"
#include "lib/base/release_memory.hpp"

namespace sluice::core {
namespace {

namespace http = boost::beast::http;

constexpr unsigned kRedirect = 300;               // statuses below it say that all went well
constexpr std::size_t kKeptBytesMax = 64 * 1024;  // of room, in buffers between calls

// It was checked by nobody: what is not as W3C has it must not get into a header.
bool fits_header(std::string_view traceparent) {
  return !traceparent.empty() && std::ranges::all_of(traceparent, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
  });
}

bool is_garbage(boost::system::error_code error) {
  return error.category() == http::make_error_code(http::error::bad_version).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

void HttpConnection::begin() {
  opened();
  read_response();
}

std::string HttpConnection::head_of(const ActiveCall& call, std::size_t body_bytes) const {
  const auto left = std::chrono::ceil<milliseconds>(call.deadline - hub().now()).count();
  std::string head =
      "POST " + route().url.target + " HTTP/1.1\r\nHost: " + route().url.host_header() +
      "\r\nContent-Type: application/json\r\nAccept: application/json\r\nUser-Agent: sluice\r\n";
  head += "Sluice-Timeout-Ms: " + std::to_string(std::max<std::int64_t>(1, left)) + "\r\n";
  if (fits_header(call.request.traceparent)) {
    head.append("traceparent: ").append(call.request.traceparent).append("\r\n");
  }
  return head + "Content-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
}

void HttpConnection::write(UpstreamAttempt& attempt, const ActiveCall& call) {
  body_.clear();
  // What is beside the call goes into the head.
  append_call(body_, call, method_of(call), attempt.id, Dialect::jsonrpc, hub().now());
  head_ = head_of(call, body_.size());
  notification_ = call.request.is_notification();
  interims_ = 0;
  writing_ = true;
  note_sent();
  const std::array<boost::asio::const_buffer, 2> parts = {boost::asio::buffer(head_),
                                                          boost::asio::buffer(body_)};
  boost::asio::async_write(stream(), parts, handler(&HttpConnection::on_written));
}

// A write that fails is of no interest: a response may have come nevertheless, and the read will tell.
void HttpConnection::on_written(boost::system::error_code, std::size_t) {
  writing_ = false;
  if (body_.capacity() > kKeptBytesMax) release_memory(body_);
}

void HttpConnection::read_response() {
  parser_.emplace();
  parser_->header_limit(kHeadBytesMax);
  parser_->body_limit(reply_bytes_max());
  http::async_read(stream(), input_, *parser_, handler(&HttpConnection::on_response));
}

void HttpConnection::on_response(boost::system::error_code error, std::size_t) {
  if (error) return on_broken(error);
  note_received();
  const unsigned status = parser_->get().result_int();
  UpstreamAttempt* const attempt = only_attempt();
  if (attempt == nullptr) return end(End::unused, "a response to nothing");
  if (status < 200) return take_interim(status);
  const bool keep_alive = parser_->keep_alive() && !writing_;
  const std::string body = std::move(parser_->get().body());
  take_response(*attempt, status, body);
  if (closed()) return;
  if (!keep_alive) return end(End::unused, "its response was to be the last");
  // It would be taken for the response to the next call, which may be another client's.
  if (input_.size() > 0) return end(End::misbehaved, "bytes behind a response");
  read_response();
  note_room();
}

void HttpConnection::take_interim(unsigned status) {
  constexpr unsigned kSwitching = 101;
  if (status == kSwitching) return end(End::misbehaved, "a change of protocol that was not asked for");
  if (++interims_ > kInterimMax) return end(End::misbehaved, "too many interim responses");
  read_response();
}

// Whatever the status, a reply is one: many servers say in both ways that a call has failed.
void HttpConnection::take_response(UpstreamAttempt& attempt, unsigned status, const std::string& body) {
  if (notification_) {
    return status < kRedirect ? answer(attempt, proto::Reply{}) : fail(attempt, UpstreamFailure::no_reply);
  }
  if (take_text(body) || closed()) return;
  reject("status " + std::to_string(status), "no reply in a response");
  if (!closed()) fail(attempt, UpstreamFailure::no_reply);
}

// The error of a server that has not read as far as the id, or was not willing to, is for the one call there
// is. Its breaker goes by the status.
void HttpConnection::on_unnamed_error(UpstreamAttempt& attempt, const proto::Reply& error) {
  attempt.failed = parser_->get().result_int() >= kRedirect;
  answer(attempt, error);
}

void HttpConnection::on_broken(boost::system::error_code error) {
  UpstreamAttempt* const attempt = only_attempt();
  if (attempt == nullptr) return end(End::unused, error.message());
  if (error == http::error::body_limit) return take_long(parser_->get().body());
  if (!is_garbage(error)) return end(End::cut, error.message());
  fail(*attempt, UpstreamFailure::no_reply);
  end(End::unused, "not HTTP: " + error.message());
}

}  // namespace sluice::core
