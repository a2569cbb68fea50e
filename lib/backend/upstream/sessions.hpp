// TLS session cache: resumed sessions spare a known server's signature.
#pragma once

#include <cstddef>
#include <vector>

#include <openssl/ssl.h>

#include "lib/transport/tls/pem_file.hpp"

namespace sluice::core {

// Sessions with the server of one URL; each is used once (RFC 8446, appendix C.4). Its certificate was
// verified when the first of them was made, so that they must not outlive the authorities of that time.
// Backends' thread only.
class UpstreamSessions {
 public:
  static constexpr std::size_t kKeptMax = 8;

  // What is agreed on in a context is kept by whose connection it was: see use().
  static void enable(SSL_CTX* context);

  // The connection keeps its sessions here, which has to outlive it, and resumes one if there is one.
  void use(SSL* connection);

 private:
  using Session = std::unique_ptr<SSL_SESSION, OpenSslFree<SSL_SESSION_free>>;

  static int on_new(SSL* connection, SSL_SESSION* session);

  std::vector<Session> kept_;  // the newest last
};

}  // namespace sluice::core
