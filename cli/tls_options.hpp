// TLS options of the command line.
#pragma once

#include <string>

namespace sluice::client {

// Files are in PEM. Empty: not given.
struct TlsOptions {
  std::string authorities;  // --ca: instead of the system's
  std::string certificate;  // --cert: the client's own, its chain behind it
  std::string key;          // --key: of the certificate, without a passphrase
  bool insecure = false;    // --insecure: the server's certificate is not verified

  bool any() const { return insecure || !authorities.empty() || !certificate.empty() || !key.empty(); }
};

}  // namespace sluice::client
