// What holds for all connections of one listener, beyond the server's limits.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace sluice::core {

class TlsContext;

// Immutable once it is shared; a reload gives the connections to come another one.
struct ListenerPolicy {
  std::string http_path = "/";
  std::vector<std::string> allowed_origins;  // as browsers send them; "*" for any
  std::vector<std::string> allowed_hosts;    // names for which a loopback listener may be called
  std::vector<std::string> allowed_headers;  // that pages may send, beside the usual ones
  std::vector<std::string> subprotocols;     // of WebSocket, beside the usual ones
  std::string health_path = "/readyz";       // empty: none
  bool proxy_protocol = false;               // a PROXY header is required
  // Only names of this machine are answered: another name that leads here is a rebound one. So for TCP on
  // loopback; a Unix socket can't be reached by name, other addresses may have any.
  bool loopback_names_only = false;
  std::shared_ptr<const TlsContext> tls;  // what its connections have to begin with, or may; null for none
};

using SharedPolicy = std::shared_ptr<const ListenerPolicy>;

}  // namespace sluice::core
