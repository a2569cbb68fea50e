// Clients that speak what is not served here.
#include "lib/transport/stream_session.hpp"
#include "proto/response_writer.hpp"

namespace sluice::core {

// What follows a request line must never be taken for calls: any web page can make a browser send it.
void StreamSession::refuse_protocol() {
  append_http_refusal("501 Not Implemented", proto::invalid_request());
  end_input(CloseReason::unsupported);
}

// Nor is anything followed that came in the clear where TLS has to be spoken.
void StreamSession::refuse_plain(bool http) {
  if (http)
    append_http_refusal("400 Bad Request", proto::tls_required());
  else
    output() += proto::error_reply(proto::kNullId, proto::tls_required()) + "\n";
  end_input(CloseReason::tls_required);
}

void StreamSession::append_http_refusal(std::string_view status, const proto::Error& error) {
  const std::string body = proto::error_reply(proto::kNullId, error) + "\n";
  std::string& out = output();
  out += "HTTP/1.1 ";
  out += status;
  out += "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace sluice::core
