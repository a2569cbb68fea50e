// Byte stream over TLS.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "cli/byte_stream.hpp"
#include "cli/socket.hpp"
#include "cli/tls_options.hpp"

namespace sluice::client {

// TLS 1.2 or newer over a TCP socket. See ByteStream.
class TlsStream final : public ByteStream {
 public:
  // Connects and shakes hands within the limit. The server's certificate must name the host of the address,
  // and authorities must have signed it. Errors: unreachable, or usage for a file that cannot be used.
  static Result<std::unique_ptr<TlsStream>> open(const Address& address, const TlsOptions& options,
                                                 const WaitLimit& limit);
  ~TlsStream() override;

  Result<std::size_t> read_some(std::span<char> into, const WaitLimit& limit) override;
  Result<void> write(std::string_view bytes, const WaitLimit& limit) override;
  void finish_sending() override;
  void close_normally() override;

 private:
  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using Context = std::unique_ptr<SSL_CTX, Free>;

  TlsStream(core::Descriptor fd, std::string address) : fd_(std::move(fd)), address_(std::move(address)) {}

  static Result<Context> make_context(const TlsOptions& options);
  Result<void> start(SSL_CTX* context, const Address& address, const WaitLimit& limit);
  Result<void> shake_hands(const WaitLimit& limit);
  // Waits for what OpenSSL needs after `result`. An error, if it needs nothing, or the limit ends the wait.
  Result<void> wait(int result, const WaitLimit& limit);
  std::string problem(int result) const;

  core::Descriptor fd_;
  std::string address_;  // for messages
  std::unique_ptr<SSL, Free> tls_;
  bool closes_normally_ = false;
};

}  // namespace sluice::client
