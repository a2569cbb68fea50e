#include "cli/exchange.hpp"

#include "cli/http_connection.hpp"
#include "cli/json_stream_connection.hpp"
#include "cli/output.hpp"
#include "cli/refusal.hpp"
#include "cli/reply.hpp"
#include "cli/socket_stream.hpp"
#include "cli/tls_stream.hpp"
#include "cli/websocket_connection.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

constexpr std::string_view kOnlyId = "1";  // one call at a time needs no other
// But for this one: a second answer to it is not to be taken for the call's.
constexpr std::string_view kTokenId = R"("rpc.authenticate")";

Result<void> authenticate(Connection& connection, const CommandLine& line, const WaitLimit& limit) {
  const std::string params = "{\"token\":" + proto::quoted(line.token) + "}";
  const auto sent = connection.send(make_request("rpc.authenticate", params, kTokenId, {}), limit);
  const Result<std::string> reply = receive_reply(connection, line.address, kTokenId, limit);
  if (!reply) return sent ? reply.error() : sent.error();
  const Reply answer = parse_reply(reply.value());
  if (answer.result == "true") return success();
  connection.close_normally();
  constexpr const char* kRefused = "the server refuses the token: ";
  if (!answer.is_error()) return Failure{ExitCode::rpc_error, std::string(kRefused) + "unexpected answer"};
  return Failure{ExitCode::rpc_error, kRefused + describe_error(answer.error), retry_pause(answer.error)};
}

Result<std::unique_ptr<ByteStream>> open_stream(const CommandLine& line, const WaitLimit& limit) {
  if (line.address.tls) {
    Result<std::unique_ptr<TlsStream>> stream = TlsStream::open(line.address, line.tls, limit);
    if (!stream) return stream.error();
    return std::unique_ptr<ByteStream>(std::move(stream).value());
  }
  Result<std::unique_ptr<SocketStream>> stream = SocketStream::open(line.address, limit);
  if (!stream) return stream.error();
  return std::unique_ptr<ByteStream>(std::move(stream).value());
}

Result<std::unique_ptr<Connection>> open_json_stream(std::unique_ptr<ByteStream> stream,
                                                     const CommandLine& line, const WaitLimit& limit) {
  auto connection = std::make_unique<JsonStreamConnection>(std::move(stream), line.address.text);
  if (line.token.empty()) return std::unique_ptr<Connection>(std::move(connection));
  if (auto done = authenticate(*connection, line, limit); !done) return done.error();
  return std::unique_ptr<Connection>(std::move(connection));
}

}  // namespace

Result<std::unique_ptr<Connection>> open_connection(const CommandLine& line, const WaitLimit& limit) {
  Result<std::unique_ptr<ByteStream>> opened = open_stream(line, limit);
  if (!opened) return opened.error();
  std::unique_ptr<ByteStream> stream = std::move(opened).value();
  switch (line.address.protocol) {
    case Address::Protocol::json_stream:
      return open_json_stream(std::move(stream), line, limit);
    case Address::Protocol::http:
      return std::unique_ptr<Connection>(std::make_unique<HttpConnection>(
          std::move(stream), line.address, HttpHead{line.token, line.wants_stream()}));
    case Address::Protocol::websocket:
      break;
  }
  auto socket = WebSocketConnection::open(std::move(stream), line.address, line.token, limit);
  if (!socket) return socket.error();
  return std::unique_ptr<Connection>(std::move(socket).value());
}

Result<core::Descriptor> open_raw_socket(const CommandLine& line, const WaitLimit& limit) {
  Result<std::unique_ptr<SocketStream>> stream = SocketStream::open(line.address, limit);
  if (!stream) return stream.error();
  SocketStream& socket = *stream.value();
  const auto connection = open_json_stream(std::move(stream).value(), line, limit);
  if (!connection) return connection.error();
  return std::move(socket).release();
}

Result<std::optional<std::string>> receive_json(Connection& connection, const WaitLimit& limit) {
  Result<std::optional<std::string>> message = connection.receive(limit);
  if (!message || !message.value()) return message;
  if (auto checked = check_message(*message.value()); !checked) return checked.error();
  return message;
}

Result<std::string> receive_reply(Connection& connection, const Address& address, std::string_view id,
                                  const WaitLimit& limit, const OnNote& on_note) {
  while (true) {
    Result<std::optional<std::string>> message = receive_json(connection, limit);
    if (!message) return message.error();
    if (!message.value()) return unreachable(address.text + " " + connection.end_reason());
    const Reply reply = parse_reply(*message.value());
    const bool answers = reply.id == id || reply.id == "null" || reply.text.starts_with('[');
    if (reply.method.empty() && answers) return std::move(*message.value());
    if (on_note && !reply.method.empty() && reply.id.empty()) on_note(reply.text);
  }
}

Result<std::string> exchange(const CommandLine& line, std::string_view request, std::string_view id,
                             TimePoint deadline, const OnNote& on_note) {
  Result<std::unique_ptr<Connection>> opened = open_connection(line, deadline);
  if (!opened) return opened.error();
  Connection& connection = *opened.value();
  const Result<void> sent = connection.send(request, deadline);
  // A server that refuses a request half-way answers it before it closes.
  Result<std::string> reply = receive_reply(connection, line.address, id, deadline, on_note);
  if (!reply && !sent) return sent.error();
  if (reply) connection.close_normally();
  return reply;
}

Result<std::string> fetch_result(const CommandLine& line, std::string_view method, std::string_view params,
                                 const OnNote& on_note) {
  const std::string request = make_request(method, params, kOnlyId, line.settings);
  Result<std::string> text = exchange(line, request, kOnlyId, Clock::now() + line.timeout, on_note);
  if (!text) return text;
  const Reply reply = parse_reply(text.value());
  if (reply.is_error()) return Failure{ExitCode::rpc_error, describe_error(reply.error)};
  if (reply.result.empty()) return unreachable("the server's answer has neither result nor error");
  return std::string(reply.result);
}

Outcome send_unanswered(const CommandLine& line, std::string_view text) {
  if (line.address.protocol == Address::Protocol::websocket) {
    return usage_error(
        "a WebSocket does not say when the server has served a notification: use another address");
  }
  const TimePoint deadline = Clock::now() + line.timeout;
  Result<std::unique_ptr<Connection>> opened = open_connection(line, deadline);
  if (!opened) return opened.error();
  Connection& connection = *opened.value();
  if (auto sent = connection.send(text, deadline); !sent) return sent.error();
  connection.finish_sending();

  auto code = ExitCode::ok;
  while (true) {
    Result<std::optional<std::string>> message = receive_json(connection, deadline);
    if (!message) return message.error();
    if (!message.value()) break;
    const Reply reply = parse_reply(*message.value());
    if (!reply.is_error()) continue;
    print_error(describe_error(reply.error));
    code = ExitCode::rpc_error;
  }
  connection.close_normally();
  return code;
}

}  // namespace sluice::client
