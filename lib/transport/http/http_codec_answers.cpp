// Answers of the HTTP codec to requests that are not calls: of pages, of load balancers, and for WebSocket.
#include <string>

#include "lib/transport/codec_host.hpp"
#include "lib/transport/http/http_codec.hpp"
#include "lib/transport/http/websocket_accept.hpp"

namespace sluice::core {

void HttpCodec::answer_preflight() {
  const std::uint64_t exchange = open_exchange();
  exchanges_.back().status = 204;
  std::string none;
  reply(exchange, none, 0);
}

// As the admin listener's /readyz, for load balancers that check the port that they use. Needs no credentials
// and counts against no limit.
void HttpCodec::answer_health() {
  const bool ready = host().server_ready();
  const std::uint64_t exchange = open_exchange();
  exchanges_.back().status = ready ? 200 : 503;
  exchanges_.back().is_json = false;
  exchanges_.back().headers = "Cache-Control: no-store\r\n";
  std::string text = ready ? "ready\n" : "not ready\n";
  reply(exchange, text, 0);
}

void HttpCodec::upgrade() {
  const auto accept = websocket_accept(request_->head().websocket_key);
  if (!accept) {
    return refuse({400, proto::invalid_request("Sec-WebSocket-Key must be 16 bytes in Base64")});
  }
  // A WebSocket message can't wait for HTTP responses.
  if (!exchanges_.empty()) {
    return refuse(
        {400, proto::invalid_request("a WebSocket can't begin behind calls that are not answered")});
  }
  if (!host().takes_input()) return refuse({503, proto::draining()});
  if (!token_good_) return refuse({401, proto::unauthenticated()});
  host().output() +=
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      *accept + "\r\n";
  // Without a common subprotocol the header is left out, and the client decides whether to go on.
  const std::string_view subprotocol = chosen_subprotocol(request_->head().subprotocols, host().policy());
  if (!subprotocol.empty())
    host().output().append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  host().output() += "\r\n";
  host().upgrade_to_websocket(page_claim(request_->head()));
}

std::string HttpCodec::headers_for_page(const Exchange& exchange) {
  if (exchange.origin.empty()) return {};
  return "Access-Control-Allow-Origin: " + exchange.origin +
         "\r\nVary: Origin\r\nAccess-Control-Expose-Headers: Retry-After\r\n";
}

}  // namespace sluice::core
