// Listen options: where a server listens, and what it requires of clients.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

// TLS 1.2 and 1.3 on a TCP address. The files are PEM, and are read when the server starts.
struct TlsOptions {
  std::string certificate{};  // the server's, followed by its chain up to the root
  std::string key{};          // its private key, without a passphrase
  std::string client_ca{};    // requests a client certificate signed by one of these; empty: not requested
  bool require_client_certificate = false;  // refuses clients without one; requires client_ca
  bool optional = false;                    // serves clients without TLS as well

  bool operator==(const TlsOptions&) const = default;
};

// One listener; the protocol is detected from a connection's first bytes. An address alone converts to one.
struct ListenOptions {
  ListenOptions() = default;
  ListenOptions(std::string where) : address(std::move(where)) {}
  ListenOptions(const char* where) : address(where) {}
  ListenOptions(std::string where, TlsOptions secured_by)
      : address(std::move(where)), tls(std::move(secured_by)) {}

  std::string address = "tcp://127.0.0.1:7070";  // tcp://HOST:PORT (0: any), unix:///path
  std::uint32_t mode = 0660;                     // mode of a Unix socket's file
  bool insecure = false;                         // allows a TCP address other than loopback without clients
  std::string http_path = "/";                   // path of HTTP and WebSocket clients
  std::vector<std::string>
      allowed_origins{};  // pages that may call, such as "https://app.example"; "*" for any
  std::vector<std::string>
      allowed_hosts{};  // accepted names of a loopback address, beside this machine's own
  std::vector<std::string> allowed_headers{};  // accepted request headers of pages, beside the usual ones
  std::vector<std::string> subprotocols{};     // supported WebSocket subprotocols, beside the usual ones
  std::string health_path = "/readyz";  // path at which GET shows whether the server is ready; empty: none
  bool proxy_protocol = false;      // requires a PROXY v1 or v2 header, and takes the peer's address from it
  bool dual_stack = false;          // for an IPv6 address: serves IPv4 as well
  std::optional<TlsOptions> tls{};  // TCP only; absent: plain text

  bool operator==(const ListenOptions&) const = default;
};

}  // namespace sluice
