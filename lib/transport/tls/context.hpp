// A listener's certificate and what it asks of clients, ready for handshakes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "lib/transport/tls/listen_settings.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace sluice::core {

// Why a certificate can't be used, and which setting is to be changed.
struct TlsProblem {
  enum class Setting : std::uint8_t { certificate, key, client_ca };
  Setting setting = Setting::certificate;
  std::string message;  // goes on from `key = "FILE"`
};

// `certificate = "FILE" is not a regular file`: for whoever has no better place to name.
std::string describe(const TlsProblem& problem, const TlsSettings& settings);

// What all connections of a listener share: TLS 1.2 and 1.3, ciphers with forward secrecy only, neither
// renegotiation nor compression. Sessions are resumed by tickets, whose keys live as long as this, so that
// the server remembers nothing about clients that are gone. Immutable; any thread may use it.
class TlsContext {
 public:
  using Loaded = std::variant<std::shared_ptr<const TlsContext>, TlsProblem>;
  // Reads the files: see read_pem_file(). Throws std::bad_alloc for want of memory.
  static Loaded load(const TlsSettings& settings);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // For one connection, as its server; null for want of memory. To be freed with SSL_free(), also after
  // this has ended.
  ssl_st* new_connection() const;
  // Whether clients that speak no TLS are served as well.
  bool plain_allowed() const { return plain_allowed_; }

 private:
  explicit TlsContext(bool plain_allowed);

  ssl_ctx_st* context_;
  bool plain_allowed_;
};

}  // namespace sluice::core
