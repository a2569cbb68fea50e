// Client connection: blocking, with a deadline for each step.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/message_cutter.hpp"
#include "cli/socket.hpp"

namespace sluice::client {

// One connection, used by one thread that waits for what it asked. Every step takes the time by which the
// command must be over; all errors are `unreachable`. A TCP connection that ends before close_normally(),
// also by the death of the process, is reset: the server takes an ordinary end for a half-close, and would
// still run the calls.
class Connection {
 public:
  static Result<Connection> open(const Address& address, TimePoint deadline);

  // Returns when the system has taken all bytes.
  Result<void> send(std::string_view bytes, TimePoint deadline);

  // All calls are answered: from now on closing is an ordinary end, not a reset.
  void close_normally();

  // Tells the server that nothing more will be sent; its answers are still received.
  void finish_sending();

  // Passes the socket on to another owner, once all calls are answered.
  core::Descriptor release() &&;

  // The next message, whatever it is; nothing once the server has closed the
  // connection. A connection that ends inside a message is an error.
  Result<std::optional<std::string>> receive(TimePoint deadline);

 private:
  Connection(core::Descriptor fd, std::string address) : fd_(std::move(fd)), address_(std::move(address)) {}

  void reset_on_close(bool reset);
  Failure lost() const;

  core::Descriptor fd_;
  std::string address_;  // for messages
  MessageCutter cutter_;
};

}  // namespace sluice::client
