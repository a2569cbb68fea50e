// TLS context of a listener: its certificate, its key and its requirements for clients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/result.hpp"
#include "lib/transport/tls/listen_settings.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace sluice::core {

// Why a certificate can't be used, and which setting to change.
struct TlsProblem {
  enum class Setting : std::uint8_t { certificate, key, client_ca };
  Setting setting = Setting::certificate;
  std::string message;  // continues the text `key = "FILE"`
};

// The text `certificate = "FILE" is not a regular file`, for callers that do not know the position in the
// configuration.
std::string describe(const TlsProblem& problem, const TlsSettings& settings);

// Shared by all connections of a listener: TLS 1.2 and 1.3, ciphers with forward secrecy only, neither
// renegotiation nor compression. Sessions are resumed by tickets, whose keys live as long as this. So the
// server keeps nothing about disconnected clients. Immutable; any thread may use it.
class TlsContext {
 public:
  // Reads the files: see read_pem_file(). Throws std::bad_alloc.
  static Result<std::shared_ptr<const TlsContext>, TlsProblem> load(const TlsSettings& settings);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A server-side connection; null if out of memory. Free it with SSL_free(); it may outlive this.
  ssl_st* new_connection() const;
  // Whether clients without TLS are served as well.
  bool plain_allowed() const { return plain_allowed_; }

 private:
  explicit TlsContext(bool plain_allowed);

  ssl_ctx_st* context_;
  bool plain_allowed_;
};

}  // namespace sluice::core
