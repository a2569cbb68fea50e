#include "lib/backend/upstream/discovery.hpp"

#include "lib/observe/log.hpp"

namespace sluice::core {

UpstreamDiscovery::UpstreamDiscovery(BackendHub& hub, Backend& backend, std::string name, bool wanted,
                                     Discovered discovered)
    : hub_(hub),
      name_(std::move(name)),
      discovered_(std::move(discovered)),
      backend_call_(call_, backend),
      upstream_call_(backend_call_),
      wanted_(wanted) {
  call_.request.method = "rpc.discover";
  call_.request.id = "0";  // another goes on the wire; without one it would be a notification
}

void UpstreamDiscovery::ask(UpstreamEndpoint& endpoint, UpstreamConnection& connection) {
  UpstreamAttempt& attempt = upstream_call_.attempts[0];
  attempt.call = &upstream_call_;
  call_.deadline = hub_.now() + kAnswerTime;
  hub_.io().set_deadline(backend_call_, call_.deadline);
  endpoint.send(attempt, connection, call_);
}

void UpstreamDiscovery::on_reply(const proto::Reply& reply) {
  if (is_retryable(reply.error_code)) return ask_later();
  wanted_ = false;
  hub_.io().clear_deadline(backend_call_);
  if (!reply.error.empty()) {
    spdlog::error("backend {}: rpc.discover was answered with an error: {}", name_, printable(reply.error));
  } else {
    discovered_(reply.result);
  }
}

void UpstreamDiscovery::on_unanswered() {
  UpstreamAttempt& attempt = upstream_call_.attempts[0];
  if (!attempt.under_way()) return;
  spdlog::error("backend {}: no answer to rpc.discover", name_);
  attempt.endpoint->stop(attempt, true);
  ask_later();
}

void UpstreamDiscovery::ask_later() {
  again_at_ = hub_.now() + kPause;
  hub_.io().set_deadline(backend_call_, again_at_);
}

}  // namespace sluice::core
