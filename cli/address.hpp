// Server address: a socket and the protocol there, as the user wrote it.
#pragma once

#include <string>
#include <string_view>

#include "cli/result.hpp"

namespace sluice::client {

// A server's address as the user wrote it. Host names are not resolved yet.
struct Address {
  enum class Kind { tcp, unix_socket };
  enum class Protocol { json_stream, http, websocket };

  Kind kind = Kind::tcp;
  std::string host;  // tcp: a name, an IPv4 address, or an IPv6 address without brackets
  std::string port;  // tcp: decimal, 1 to 65535
  std::string path;  // unix_socket: absolute, short enough for sockaddr_un
  std::string text;  // the whole address, for messages
  Protocol protocol = Protocol::json_stream;
  bool tls = false;       // tcp only
  std::string authority;  // http and websocket: HOST or HOST:PORT as in the Host header
  std::string target;     // http and websocket: the path and query; begins with a slash

  // Whether a socket carries its bytes as they are.
  bool is_raw_stream() const { return protocol == Protocol::json_stream && !tls; }
};

// True for `scheme://...`, whether or not the scheme is supported, and for `HOST:PORT`:
// what tells an address from a method name on the command line.
bool looks_like_address(std::string_view text);

// Reads `tcp://HOST:PORT` (also without `tcp://`), `tls://HOST:PORT`, `unix:///path`, or a URL of http,
// https, ws or wss, where the port and the path may be left out. An IPv6 address is in brackets. Anything
// else is a usage error that says what is wrong and what is supported.
Result<Address> parse_address(std::string_view text);

// $SLUICE_ADDRESS, or tcp://127.0.0.1:7070 where that is unset or empty.
Result<Address> default_address();

}  // namespace sluice::client
