#include "lib/backend/upstream/connection_factory.hpp"

#include "lib/backend/upstream/http_connection.hpp"
#include "lib/backend/upstream/stream_connection.hpp"
#include "lib/backend/upstream/websocket_connection.hpp"

namespace sluice::core {

std::shared_ptr<UpstreamConnection> make_upstream_connection(const UpstreamRoute& route,
                                                             UpstreamConnection::Owner& owner) {
  switch (route.url.kind) {
    case UpstreamUrl::Kind::http:
      return std::make_shared<HttpConnection>(route, owner);
    case UpstreamUrl::Kind::websocket:
      return std::make_shared<WebSocketConnection>(route, owner);
    default:
      return std::make_shared<StreamConnection>(route, owner);
  }
}

}  // namespace sluice::core
