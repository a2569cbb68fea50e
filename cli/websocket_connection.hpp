// Connection that carries each message in a WebSocket's text message.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/address.hpp"
#include "cli/byte_stream.hpp"
#include "cli/connection.hpp"

namespace sluice::client {

// A WebSocket client (RFC 6455). Pings are answered while it waits for a message. See Connection.
class WebSocketConnection final : public Connection {
 public:
  // Shakes hands, with the token (empty: none) as `Authorization: Bearer`. Errors: unreachable, or rpc_error
  // where the server refuses with a JSON-RPC error.
  static Result<std::unique_ptr<WebSocketConnection>> open(std::unique_ptr<ByteStream> stream,
                                                           const Address& address, const std::string& token,
                                                           const WaitLimit& limit);
  ~WebSocketConnection() override;

  Result<void> send(std::string_view message, const WaitLimit& limit) override;
  void close_normally() override;
  void finish_sending() override {}  // a WebSocket has no half-close
  Result<std::optional<std::string>> receive(const WaitLimit& limit) override;
  std::string end_reason() const override;

 private:
  class Socket;  // keeps Beast out of this header

  explicit WebSocketConnection(std::unique_ptr<Socket> socket);

  std::unique_ptr<Socket> socket_;
};

}  // namespace sluice::client
