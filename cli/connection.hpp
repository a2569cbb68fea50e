// Client connection: messages to and from a server, over any transport.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/result.hpp"
#include "cli/wait_limit.hpp"

namespace sluice::client {

// One connection, used by one thread that waits for what it asked. Errors are `unreachable` unless a function
// says otherwise. A connection that ends before close_normally() lets the server know that its calls are
// abandoned.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  // Sends one message, a JSON text. Returns when the system has taken all its bytes.
  virtual Result<void> send(std::string_view message, const WaitLimit& limit) = 0;

  // All calls are answered: from now on closing is an ordinary end.
  virtual void close_normally() = 0;

  // Tells the server that nothing more will be sent; its messages are still received.
  virtual void finish_sending() = 0;

  // The next message, whatever it is, not checked to be JSON; nothing once no further one can come. A
  // connection that ends inside a message is an error.
  virtual Result<std::optional<std::string>> receive(const WaitLimit& limit) = 0;

  // Why receive() had no message, as the end of a sentence that begins with the address.
  virtual std::string end_reason() const { return "closed the connection without an answer"; }
};

}  // namespace sluice::client
