#include "cli/websocket_connection.hpp"

#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "cli/beast_stream.hpp"
#include "cli/json_check.hpp"
#include "cli/json_text.hpp"
#include "cli/message_cutter.hpp"
#include "cli/refusal.hpp"
#include "cli/reply.hpp"

namespace sluice::client {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

// The wait for the server's close frame; the answers are there by then.
constexpr auto kCloseWait = std::chrono::seconds(1);

}  // namespace

class WebSocketConnection::Socket {
 public:
  Socket(std::unique_ptr<ByteStream> stream, const Address& address)
      : socket_(std::move(stream)), address_(address) {}

  Result<void> open(const std::string& token, const WaitLimit& limit);
  Result<void> send(std::string_view message, const WaitLimit& limit);
  Result<std::optional<std::string>> receive(const WaitLimit& limit);
  void close();
  std::string end_reason() const;

 private:
  Failure refused(error_code error, const websocket::response_type& response) const;
  Failure failed(error_code error) const;

  websocket::stream<BeastStream, false> socket_;
  Address address_;
  beast::flat_buffer input_;
};

Result<void> WebSocketConnection::Socket::open(const std::string& token, const WaitLimit& limit) {
  socket_.set_option(websocket::stream_base::decorator([&token](websocket::request_type& request) {
    request.set(http::field::user_agent, "sluice");
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
  }));
  socket_.auto_fragment(false);
  socket_.read_message_max(MessageCutter::kMessageBytesMax);
  socket_.text(true);
  socket_.next_layer().set_limit(limit);
  websocket::response_type response;
  error_code error;
  socket_.handshake(response, address_.authority, address_.target, error);
  if (error) return refused(error, response);
  // The decorator's token is no longer there.
  socket_.set_option(websocket::stream_base::decorator([](websocket::request_type&) {}));
  return success();
}

// Why there is no WebSocket: by what came instead, if it is JSON-RPC as its own error.
Failure WebSocketConnection::Socket::refused(error_code error,
                                             const websocket::response_type& response) const {
  if (error != websocket::error::upgrade_declined) {
    if (socket_.next_layer().failure()) return *socket_.next_layer().failure();
    return unreachable("no WebSocket at " + address_.text + ": " + error.message());
  }
  const std::string& body = response.body();
  if (is_json(body)) {
    const Reply reply = parse_reply(body);
    if (reply.is_error()) return {ExitCode::rpc_error, describe_error(reply.error), retry_pause(reply.error)};
  }
  const beast::string_view reason = response.reason();
  return unreachable("no WebSocket at " + address_.text + ": HTTP " + std::to_string(response.result_int()) +
                     " " + std::string(reason.data(), reason.size()));
}

Failure WebSocketConnection::Socket::failed(error_code error) const {
  if (socket_.next_layer().failure()) return *socket_.next_layer().failure();
  return unreachable("lost the connection to " + address_.text + ": " + error.message());
}

Result<void> WebSocketConnection::Socket::send(std::string_view message, const WaitLimit& limit) {
  socket_.next_layer().set_limit(limit);
  const std::string_view text = trim_blank(message);
  error_code error;
  socket_.write(boost::asio::buffer(text.data(), text.size()), error);
  if (error) return failed(error);
  return success();
}

Result<std::optional<std::string>> WebSocketConnection::Socket::receive(const WaitLimit& limit) {
  socket_.next_layer().set_limit(limit);
  error_code error;
  socket_.read(input_, error);
  // Also a connection that ends without a close frame ends between two messages as often as not.
  if (error == websocket::error::closed) return std::optional<std::string>();
  if (error) return failed(error);
  const auto data = input_.cdata();
  std::string message(static_cast<const char*>(data.data()), data.size());
  input_.clear();
  return std::optional(std::move(message));
}

void WebSocketConnection::Socket::close() {
  socket_.next_layer().set_limit(Clock::now() + kCloseWait);
  error_code ignored;
  socket_.close(websocket::close_code::normal, ignored);
  socket_.next_layer().bytes().close_normally();
}

std::string WebSocketConnection::Socket::end_reason() const {
  const websocket::close_reason& reason = socket_.reason();
  std::string text = "closed the WebSocket without an answer";
  if (reason.code == websocket::close_code::none) return text;
  text += ": " + std::to_string(reason.code);
  if (!reason.reason.empty()) text.append(" ").append(reason.reason.data(), reason.reason.size());
  return text;
}

Result<std::unique_ptr<WebSocketConnection>> WebSocketConnection::open(std::unique_ptr<ByteStream> stream,
                                                                       const Address& address,
                                                                       const std::string& token,
                                                                       const WaitLimit& limit) {
  auto socket = std::make_unique<Socket>(std::move(stream), address);
  if (auto opened = socket->open(token, limit); !opened) return opened.error();
  return std::unique_ptr<WebSocketConnection>(new WebSocketConnection(std::move(socket)));
}

WebSocketConnection::WebSocketConnection(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
WebSocketConnection::~WebSocketConnection() = default;

Result<void> WebSocketConnection::send(std::string_view message, const WaitLimit& limit) {
  return socket_->send(message, limit);
}
void WebSocketConnection::close_normally() { socket_->close(); }
Result<std::optional<std::string>> WebSocketConnection::receive(const WaitLimit& limit) {
  return socket_->receive(limit);
}
std::string WebSocketConnection::end_reason() const { return socket_->end_reason(); }

}  // namespace sluice::client
