#include "cli/exchange.hpp"

#include "cli/output.hpp"
#include "cli/reply.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

constexpr std::string_view kOnlyId = "1";  // one call at a time needs no other
// But for this one: a second answer to it is not to be taken for the call's.
constexpr std::string_view kTokenId = R"("rpc.authenticate")";

// The next message as valid JSON; nothing once the server has closed.
Result<std::optional<std::string>> receive_json(Connection& connection, TimePoint deadline) {
  Result<std::optional<std::string>> message = connection.receive(deadline);
  if (!message || !message.value()) return message;
  if (auto checked = check_message(*message.value()); !checked) return checked.error();
  return message;
}

Result<std::string> receive_reply(Connection& connection, const Address& address, std::string_view id,
                                  TimePoint deadline) {
  while (true) {
    Result<std::optional<std::string>> message = receive_json(connection, deadline);
    if (!message) return message.error();
    if (!message.value()) return unreachable(address.text + " closed the connection without an answer");
    const Reply reply = parse_reply(*message.value());
    const bool answers = reply.id == id || reply.id == "null" || reply.text.starts_with('[');
    if (reply.method.empty() && answers) return std::move(*message.value());
  }
}

Result<void> authenticate(Connection& connection, const CommandLine& line, TimePoint deadline) {
  const std::string params = "{\"token\":" + proto::quoted(line.token) + "}";
  const auto sent = connection.send(make_request("rpc.authenticate", params, kTokenId, {}), deadline);
  const Result<std::string> reply = receive_reply(connection, line.address, kTokenId, deadline);
  if (!reply) return sent ? reply.error() : sent.error();
  const Reply answer = parse_reply(reply.value());
  if (answer.result == "true") return success();
  connection.close_normally();
  const std::string why = answer.is_error() ? describe_error(answer.error) : "unexpected answer";
  return Failure{ExitCode::rpc_error, "the server refuses the token: " + why};
}

}  // namespace

Result<Connection> open_connection(const CommandLine& line, TimePoint deadline) {
  Result<Connection> connection = Connection::open(line.address, deadline);
  if (!connection || line.token.empty()) return connection;
  if (auto done = authenticate(connection.value(), line, deadline); !done) return done.error();
  return connection;
}

Result<std::string> exchange(const CommandLine& line, std::string_view request, std::string_view id,
                             TimePoint deadline) {
  Result<Connection> connection = open_connection(line, deadline);
  if (!connection) return connection.error();
  const Result<void> sent = connection.value().send(request, deadline);
  // A server that refuses a request half-way answers it before it closes.
  Result<std::string> reply = receive_reply(connection.value(), line.address, id, deadline);
  if (!reply && !sent) return sent.error();
  if (reply) connection.value().close_normally();
  return reply;
}

Result<std::string> fetch_result(const CommandLine& line, std::string_view method, std::string_view params) {
  const std::string request = make_request(method, params, kOnlyId, line.settings);
  Result<std::string> text = exchange(line, request, kOnlyId, Clock::now() + line.timeout);
  if (!text) return text;
  const Reply reply = parse_reply(text.value());
  if (reply.is_error()) return Failure{ExitCode::rpc_error, describe_error(reply.error)};
  if (reply.result.empty()) return unreachable("the server's answer has neither result nor error");
  return std::string(reply.result);
}

Outcome send_unanswered(const CommandLine& line, std::string_view text) {
  const TimePoint deadline = Clock::now() + line.timeout;
  Result<Connection> connection = open_connection(line, deadline);
  if (!connection) return connection.error();
  if (auto sent = connection.value().send(text, deadline); !sent) return sent.error();
  connection.value().finish_sending();

  auto code = ExitCode::ok;
  while (true) {
    Result<std::optional<std::string>> message = receive_json(connection.value(), deadline);
    if (!message) return message.error();
    if (!message.value()) return code;
    const Reply reply = parse_reply(*message.value());
    if (!reply.is_error()) continue;
    print_error(describe_error(reply.error));
    code = ExitCode::rpc_error;
  }
}

}  // namespace sluice::client
