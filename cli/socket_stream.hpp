// Byte stream over a socket, without encryption.
#pragma once

#include <memory>
#include <string>

#include "cli/byte_stream.hpp"
#include "cli/socket.hpp"

namespace sluice::client {

// A TCP or Unix socket. See ByteStream.
class SocketStream final : public ByteStream {
 public:
  static Result<std::unique_ptr<SocketStream>> open(const Address& address, const WaitLimit& limit);

  SocketStream(core::Descriptor fd, std::string address);

  Result<std::size_t> read_some(std::span<char> into, const WaitLimit& limit) override;
  Result<void> write(std::string_view bytes, const WaitLimit& limit) override;
  void finish_sending() override;
  void close_normally() override;

  int fd() const { return fd_.get(); }

  // Passes the socket on to another owner, who closes it normally.
  core::Descriptor release() &&;

 private:
  Failure lost() const;

  core::Descriptor fd_;
  std::string address_;  // for messages
};

// Whether closing the socket resets its connection.
void reset_on_close(int fd, bool reset);

}  // namespace sluice::client
