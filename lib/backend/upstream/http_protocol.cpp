#include "lib/backend/upstream/http_protocol.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include "lib/backend/upstream/http_response.hpp"
#include "lib/backend/wire_call.hpp"
#include "lib/base/release_memory.hpp"

namespace sluice::core {
namespace {

namespace http = boost::beast::http;

constexpr unsigned kRedirect = 300;  // statuses below it say that all went well

// Not checked before: only a valid W3C value may get into a header.
bool fits_header(std::string_view traceparent) {
  return !traceparent.empty() && std::ranges::all_of(traceparent, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
  });
}

bool looks_like_json(std::string_view body) {
  const std::size_t start = body.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return start != std::string_view::npos && (body[start] == '{' || body[start] == '[');
}

bool is_garbage(boost::system::error_code error) {
  return error.category() == http::make_error_code(http::error::bad_version).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

void HttpProtocol::begin() {
  stream().on_read([this](std::size_t bytes) {
    if (skipping_) channel().guard([&] { count_skipped(bytes); });
  });
  channel().opened();
  if (!closed()) read_response();
}

std::string HttpProtocol::head_of(const ActiveCall& call, std::size_t body_bytes) const {
  const auto left = std::chrono::ceil<milliseconds>(call.deadline - hub().now()).count();
  std::string head = "POST " + route().url.target + " HTTP/1.1\r\nHost: " + route().url.host_header() +
                     "\r\nContent-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: "
                     "identity\r\nUser-Agent: sluice\r\n";
  for (const auto& [name, value] : route().headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  head += "Sluice-Timeout-Ms: " + std::to_string(std::max<std::int64_t>(1, left)) + "\r\n";
  if (fits_header(call.request.traceparent)) {
    head.append("traceparent: ").append(call.request.traceparent).append("\r\n");
  }
  return head + "Content-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
}

void HttpProtocol::write(UpstreamAttempt& attempt, const ActiveCall& call) {
  body_.clear();
  // What is beside the call goes into the head.
  append_call(body_, call, route().method_of(call), attempt.id, Dialect::jsonrpc, hub().now());
  head_ = head_of(call, body_.size());
  notification_ = call.request.is_notification();
  interims_ = 0;
  writing_ = true;
  attempts().note_sent();
  const std::array<boost::asio::const_buffer, 2> parts = {boost::asio::buffer(head_),
                                                          boost::asio::buffer(body_)};
  boost::asio::async_write(stream(), parts, channel().handler(*this, &HttpProtocol::on_written));
}

// A write that fails is of no interest: a response may have come nevertheless, and the read will tell.
void HttpProtocol::on_written(boost::system::error_code, std::size_t) {
  writing_ = false;
  if (body_.capacity() > kKeptBytesMax) release_memory(body_);
}

void HttpProtocol::read_response() {
  parser_.emplace();
  parser_->header_limit(kHeadBytesMax);
  parser_->body_limit(channel().reply_bytes_max());
  http::async_read(stream(), input_, *parser_, channel().handler(*this, &HttpProtocol::on_response));
}

void HttpProtocol::on_response(boost::system::error_code error, std::size_t) {
  if (error) return on_broken(error);
  channel().note_received();
  const unsigned status = parser_->get().result_int();
  UpstreamAttempt* const attempt = attempts().only();
  if (attempt == nullptr && !skipping_) {
    return closes_unasked(status) ? channel().end(UpstreamEnd::unused, "closed by its server, as idle")
                                  : channel().end(UpstreamEnd::misbehaved, "a response without a request");
  }
  if (status < 200) return take_interim(status);
  if (attempt != nullptr && closes_unasked(status)) {
    attempts().note_unread();
    return channel().end(UpstreamEnd::unused, "closed by its server, as idle");
  }
  const bool keep_alive = note_keep_alive() && parser_->keep_alive() && !writing_;
  const std::string body = std::move(parser_->get().body());
  attempts().note_answer();
  if (attempt != nullptr) {
    take_response(*attempt, status, body);
  } else {
    skipping_ = false;
    attempts().pending().clear_late();
    channel().rest();
  }
  if (closed()) return;
  if (!keep_alive) return channel().end(UpstreamEnd::idle, "its response was to be the last");
  // It would be taken for the response to the next call, which may be another client's.
  if (input_.size() > 0) return channel().end(UpstreamEnd::misbehaved, "bytes behind a response");
  read_response();
  channel().note_room();
}

// To close is to make the next call pay for a connection, and the server for one that it is in the midst of.
void HttpProtocol::write_cancel(const UpstreamAttempt&) {
  skipping_ = true;
  skipped_bytes_ = 0;
}

void HttpProtocol::count_skipped(std::size_t bytes) {
  skipped_bytes_ += bytes;
  if (skipped_bytes_ > kSkippedBytesMax)
    channel().end(UpstreamEnd::given_up, "a long response that no client waits for");
}

UpstreamProtocol::IdleLimit HttpProtocol::idle_limit() const {
  if (skipping_) return {kSkipTime, UpstreamEnd::given_up, "a call was given up"};
  const IdleLimit usual = UpstreamProtocol::idle_limit();
  if (usable_until_ == TimePoint::max()) return usual;
  const auto left =
      std::chrono::ceil<milliseconds>(std::max(TimePoint::duration(0), usable_until_ - hub().now()));
  return left < usual.limit ? IdleLimit{left, UpstreamEnd::idle, "its server is about to close it"} : usual;
}

// Takes down what its server announces. Whether it takes another request.
bool HttpProtocol::note_keep_alive() {
  const KeepAlive said = keep_alive_of(parser_->get());
  usable_until_ = TimePoint::max();
  if (said.idle) {
    const milliseconds idle = *said.idle;
    usable_until_ = hub().now() + idle - std::min<milliseconds>(kClosingTime, idle / 2);
  }
  return said.idle != seconds(0) && said.requests != 0u;
}

// Servers close a connection that they have had for long enough just as a call is sent: no byte of an answer
// comes then, and soon (RFC 9112, section 9.3.1).
bool HttpProtocol::never_read(const UpstreamAttempt& attempt) const {
  return !attempts().fresh() && interims_ == 0 && input_.size() == 0 && !parser_->got_some() &&
         hub().now() - attempt.began <= kUnreadTime;
}

// A server may say that it closes an idle connection, which it does not know to be in use again.
bool HttpProtocol::closes_unasked(unsigned status) const {
  constexpr unsigned kRequestTimeout = 408;
  return status == kRequestTimeout && (!attempts().fresh() || channel().in_flight() == 0);
}

void HttpProtocol::take_interim(unsigned status) {
  constexpr unsigned kSwitching = 101;
  if (status == kSwitching)
    return channel().end(UpstreamEnd::misbehaved, "a change of protocol that was not asked for");
  if (++interims_ > kInterimMax) return channel().end(UpstreamEnd::misbehaved, "too many interim responses");
  read_response();
}

// Whatever the status, a reply is one: many servers say in both ways that a call has failed.
void HttpProtocol::take_response(UpstreamAttempt& attempt, unsigned status, const std::string& body) {
  const HttpResponseHead& head = parser_->get();
  if (notification_ && status < kRedirect) return channel().answer(attempt, proto::Reply{});
  const bool readable = !notification_ && is_identity(head) && looks_like_json(body);
  if (readable && (channel().take_text(body) || closed())) return;
  channel().reject(unusable_because(head, hide_secrets(body, route().headers)),
                   "a response without a JSON-RPC reply");
  if (closed()) return;
  attempt.retry_after = retry_after_of(head, std::chrono::system_clock::now()).value_or(milliseconds(0));
  channel().fail(attempt, UpstreamFailure::no_reply);
}

// The error of a server that has not read as far as the id, or was not willing to, is for the only call. Its
// breaker goes by the status.
bool HttpProtocol::unnamed_error_fails() const { return parser_->get().result_int() >= kRedirect; }

void HttpProtocol::on_broken(boost::system::error_code error) {
  UpstreamAttempt* const attempt = attempts().only();
  if (attempt == nullptr) return channel().end(UpstreamEnd::unused, error.message());
  if (error == http::error::body_limit) return channel().take_oversize(parser_->get().body());
  if (is_garbage(error)) {
    channel().reject(start_of_input(), ("not HTTP, " + error.message()).c_str());
    if (closed()) return;
    channel().fail(*attempt, UpstreamFailure::no_reply);
    return channel().end(UpstreamEnd::idle, "not HTTP");
  }
  if (!never_read(*attempt)) return channel().end(UpstreamEnd::cut, error.message());
  attempts().note_unread();
  channel().end(UpstreamEnd::unused, "closed as a call was sent");
}

// Of input that is not HTTP: enough to see what it is.
std::string HttpProtocol::start_of_input() const {
  constexpr std::size_t kShownBytesMax = 80;
  const auto data = input_.data();
  return {static_cast<const char*>(data.data()), std::min(data.size(), kShownBytesMax)};
}

}  // namespace sluice::core
