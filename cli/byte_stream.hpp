// Byte stream to a server: a socket, or TLS over one.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "cli/result.hpp"
#include "cli/wait_limit.hpp"

namespace sluice::client {

// Used by one thread, which waits in each step until the step's limit. All errors are `unreachable`. A stream
// over TCP that ends before close_normally(), also by the death of the process, is reset: a server takes an
// ordinary end for a half-close, and would still run the calls.
class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  // The number of bytes received, at least one; 0 once the peer has ended the stream.
  virtual Result<std::size_t> read_some(std::span<char> into, const WaitLimit& limit) = 0;

  // Returns when the system has taken all bytes.
  virtual Result<void> write(std::string_view bytes, const WaitLimit& limit) = 0;

  // Tells the peer that nothing more will be sent; it can still be read from.
  virtual void finish_sending() = 0;

  // From now on closing is an ordinary end, not a reset.
  virtual void close_normally() = 0;
};

}  // namespace sluice::client
