#include "lib/backend/upstream/protocol_factory.hpp"

#include "lib/backend/upstream/http_protocol.hpp"
#include "lib/backend/upstream/stream_protocol.hpp"
#include "lib/backend/upstream/websocket_protocol.hpp"

namespace sluice::core {

std::unique_ptr<UpstreamProtocol> make_upstream_protocol(UpstreamChannel& channel, UpstreamStream& stream) {
  switch (channel.route().url.kind) {
    case UpstreamUrl::Kind::http:
      return std::make_unique<HttpProtocol>(channel, stream);
    case UpstreamUrl::Kind::websocket:
      return std::make_unique<WebSocketProtocol>(channel, stream);
    default:
      return std::make_unique<StreamProtocol>(channel, stream);
  }
}

}  // namespace sluice::core
