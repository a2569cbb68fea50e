#include "lib/backend/upstream_connection_factory.hpp"

#include "lib/backend/upstream_http_connection.hpp"
#include "lib/backend/upstream_stream_connection.hpp"
#include "lib/backend/upstream_websocket_connection.hpp"

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
