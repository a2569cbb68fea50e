// Where a server listens, and what it asks of those who connect there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

// TLS 1.2 and 1.3 on a TCP address. The files are PEM, and read when the server starts.
struct TlsOptions {
  std::string certificate{};  // the server's, and behind it those that lead to its root
  std::string key{};          // the certificate's private one, without a passphrase
  std::string client_ca{};    // clients are asked for a certificate that these have signed; empty: not asked
  bool require_client_certificate = false;  // refuses clients that have none; takes a client_ca
  bool optional = false;                    // serves clients that speak no TLS as well

  bool operator==(const TlsOptions&) const = default;
};

// One listener; whatever it speaks is known from a connection's first bytes. An address alone is one, too.
struct ListenOptions {
  ListenOptions() = default;
  ListenOptions(std::string where) : address(std::move(where)) {}
  ListenOptions(const char* where) : address(where) {}
  ListenOptions(std::string where, TlsOptions secured_by)
      : address(std::move(where)), tls(std::move(secured_by)) {}

  std::string address = "tcp://127.0.0.1:7070";  // tcp://HOST:PORT (0: any), unix:///path
  std::uint32_t mode = 0660;                     // of a Unix socket's file
  bool insecure = false;        // allows a TCP address that is not loopback though there are no clients
  std::string http_path = "/";  // where HTTP and WebSocket clients call
  std::vector<std::string> allowed_origins{};  // whose pages may call, as "https://app.example"; "*" for any
  std::vector<std::string> allowed_hosts{};    // names for a loopback address, beside this machine's own
  std::vector<std::string> allowed_headers{};  // request headers that pages may send, beside the usual ones
  std::vector<std::string> subprotocols{};  // WebSocket subprotocols that are spoken, beside the usual ones
  std::string health_path = "/readyz";      // where GET tells whether the server is ready; empty: nowhere
  bool proxy_protocol = false;      // a PROXY v1 or v2 header is required, and its address is the peer's
  bool dual_stack = false;          // of an IPv6 address: serves IPv4 as well
  std::optional<TlsOptions> tls{};  // TCP only; absent: plain text

  bool operator==(const ListenOptions&) const = default;
};

}  // namespace sluice
