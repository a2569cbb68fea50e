#include "cli/http_connection.hpp"

#include <array>
#include <limits>
#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "cli/beast_stream.hpp"
#include "cli/json_text.hpp"
#include "cli/message_cutter.hpp"
#include "cli/sse_parser.hpp"

namespace sluice::client {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::uint32_t kHeadBytesMax = 64 * 1024;
constexpr std::string_view kEventStream = "text/event-stream";
constexpr std::size_t kReasonBytesMax = 100;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

class HttpConnection::Exchange {
 public:
  Exchange(std::unique_ptr<ByteStream> stream, const Address& address, HttpHead head)
      : stream_(std::move(stream)), address_(address), head_(std::move(head)) {}

  Result<void> send(std::string_view message, const WaitLimit& limit);
  Result<std::optional<std::string>> receive(const WaitLimit& limit);
  std::string end_reason() const;
  void close_normally();

 private:
  using Parser = http::response_parser<http::buffer_body>;
  using Message = std::optional<std::string>;

  Result<void> read_head();
  Result<void> read_piece(std::string& piece);
  Result<Message> next_event();
  Result<Message> whole_body();
  Failure failed(error_code error) const;
  std::string status() const;

  BeastStream stream_;
  Address address_;
  HttpHead head_;
  beast::flat_buffer input_{kReadBytes + kHeadBytesMax};
  std::optional<Parser> parser_;  // of the response under way
  bool awaiting_ = false;         // a request is not answered to its end
  bool is_event_stream_ = false;
  SseParser events_;
  std::string status_;  // of the last response, for messages
};

Result<void> HttpConnection::Exchange::send(std::string_view message, const WaitLimit& limit) {
  http::request<http::string_body> request(http::verb::post, address_.target, 11);
  request.set(http::field::host, address_.authority);
  request.set(http::field::user_agent, "sluice");
  request.set(http::field::content_type, "application/json");
  request.set(http::field::accept,
              head_.event_stream ? "text/event-stream, application/json" : "application/json");
  request.set(http::field::accept_encoding, "identity");
  if (!head_.token.empty()) request.set(http::field::authorization, "Bearer " + head_.token);
  request.body() = trim_blank(message);
  request.prepare_payload();
  stream_.set_limit(limit);
  awaiting_ = true;
  error_code error;
  http::write(stream_, request, error);
  if (error) return failed(error);
  return success();
}

// A response, behind any that say only that it is on its way.
Result<void> HttpConnection::Exchange::read_head() {
  error_code error;
  do {
    parser_.emplace();
    parser_->header_limit(kHeadBytesMax);
    parser_->body_limit(boost::none);
    http::read_header(stream_, input_, *parser_, error);
    if (error) return failed(error);
  } while (http::to_status_class(parser_->get().result()) == http::status_class::informational &&
           parser_->get().result() != http::status::switching_protocols);
  status_ = status();
  is_event_stream_ = view(parser_->get()[http::field::content_type]).starts_with(kEventStream);
  return success();
}

// Appends what is there of the body.
Result<void> HttpConnection::Exchange::read_piece(std::string& piece) {
  std::array<char, kReadBytes> buffer;
  auto& body = parser_->get().body();
  body.data = buffer.data();
  body.size = buffer.size();
  error_code error;
  http::read_some(stream_, input_, *parser_, error);
  piece.append(buffer.data(), buffer.size() - body.size);
  if (error && error != http::error::need_buffer) return failed(error);
  return success();
}

Result<HttpConnection::Exchange::Message> HttpConnection::Exchange::next_event() {
  while (true) {
    if (Message event = events_.next()) return event;
    if (events_.held_bytes() > MessageCutter::kMessageBytesMax)
      return unreachable("the server's answer is over 1 GiB");
    if (parser_->is_done()) {
      awaiting_ = false;
      return Message();
    }
    std::string piece;
    if (auto read = read_piece(piece); !read) return read.error();
    events_.append(piece);
  }
}

Result<HttpConnection::Exchange::Message> HttpConnection::Exchange::whole_body() {
  std::string body;
  while (!parser_->is_done()) {
    if (auto read = read_piece(body); !read) return read.error();
    if (body.size() > MessageCutter::kMessageBytesMax)
      return unreachable("the server's answer is over 1 GiB");
  }
  awaiting_ = false;
  const bool good = http::to_status_class(parser_->get().result()) == http::status_class::successful;
  std::string message(trim_blank(body));
  if (message.empty() && good) return Message();
  if (message.starts_with('{') || message.starts_with('[')) return Message(std::move(message));
  return unreachable(address_.text + " " + end_reason());
}

Result<HttpConnection::Exchange::Message> HttpConnection::Exchange::receive(const WaitLimit& limit) {
  if (!awaiting_) return Message();
  stream_.set_limit(limit);
  if (!parser_ || parser_->is_done()) {
    if (auto read = read_head(); !read) return read.error();
  }
  return is_event_stream_ ? next_event() : whole_body();
}

// Within a response only a reset tells the server at once that the rest is not wanted.
void HttpConnection::Exchange::close_normally() {
  if (!awaiting_) stream_.bytes().close_normally();
}

std::string HttpConnection::Exchange::status() const {
  const auto& response = parser_->get();
  std::string text = std::to_string(response.result_int()) + " ";
  text += view(response.reason()).substr(0, kReasonBytesMax);
  const auto location = response.find(http::field::location);
  if (location != response.end()) text.append(" (Location: ").append(view(location->value())) += ")";
  return text;
}

std::string HttpConnection::Exchange::end_reason() const {
  if (is_event_stream_) return "ended its event stream without an answer";
  return "answered HTTP " + status_ + " without a JSON-RPC message";
}

Failure HttpConnection::Exchange::failed(error_code error) const {
  if (stream_.failure()) return *stream_.failure();
  const std::string& address = address_.text;
  if (error == http::error::end_of_stream)
    return unreachable(address + " closed the connection without an answer");
  if (error == http::error::partial_message)
    return unreachable(address + " closed the connection inside an answer");
  return unreachable(address + " does not speak HTTP: " + error.message());
}

HttpConnection::HttpConnection(std::unique_ptr<ByteStream> stream, const Address& address, HttpHead head)
    : exchange_(std::make_unique<Exchange>(std::move(stream), address, std::move(head))) {}
HttpConnection::~HttpConnection() = default;

Result<void> HttpConnection::send(std::string_view message, const WaitLimit& limit) {
  return exchange_->send(message, limit);
}
void HttpConnection::close_normally() { exchange_->close_normally(); }
Result<std::optional<std::string>> HttpConnection::receive(const WaitLimit& limit) {
  return exchange_->receive(limit);
}
std::string HttpConnection::end_reason() const { return exchange_->end_reason(); }

}  // namespace sluice::client
