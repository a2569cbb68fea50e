// Connection that carries each message in an HTTP request.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/address.hpp"
#include "cli/byte_stream.hpp"
#include "cli/connection.hpp"

namespace sluice::client {

// What goes into the head of a request or of a WebSocket's handshake.
struct HttpHead {
  std::string token;          // Authorization: Bearer; empty: none
  bool event_stream = false;  // Accept: text/event-stream, beside JSON
};

// HTTP/1.1: a POST for each message, on one connection. What follows a message until the next one is its
// response: one message, none, or an event stream of them. See Connection.
class HttpConnection final : public Connection {
 public:
  HttpConnection(std::unique_ptr<ByteStream> stream, const Address& address, HttpHead head);
  ~HttpConnection() override;

  Result<void> send(std::string_view message, const WaitLimit& limit) override;
  void close_normally() override;
  void finish_sending() override {}  // the response to the last request is the end
  Result<std::optional<std::string>> receive(const WaitLimit& limit) override;
  std::string end_reason() const override;

 private:
  class Exchange;  // keeps Beast out of this header

  std::unique_ptr<Exchange> exchange_;
};

}  // namespace sluice::client
