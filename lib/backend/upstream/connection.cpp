#include "lib/backend/upstream/connection.hpp"

#include "lib/backend/upstream/protocol_factory.hpp"

namespace sluice::core {
namespace {

constexpr const char* kLeft = "not needed any more";

}  // namespace

UpstreamConnection::UpstreamConnection(const UpstreamRoute& route, Owner& owner)
    : owner_(owner),
      stream_(route.hub.io().context(), route.url, route.authorities, route.sessions),
      channel_(route, *this),
      protocol_(make_upstream_protocol(channel_, stream_)) {}

void UpstreamConnection::open() {
  const milliseconds limit = channel_.route().settings.connect_timeout;
  hub().io().set_deadline(*this, hub().now() + limit);
  stream_.dial(limit, channel_.handler(*this, &UpstreamConnection::on_connected));
}

void UpstreamConnection::on_connected(boost::system::error_code error) {
  if (error) return end(UpstreamEnd::not_connected, error.message());
  protocol_->begin();
}

void UpstreamConnection::on_open() {
  open_ = true;
  on_idle();
  owner_.on_open(*this);
}

void UpstreamConnection::on_idle() {
  if (!open_) return;
  hub().io().set_deadline(*this, hub().now() + (leaving_ ? milliseconds(0) : protocol_->idle_limit().limit));
}

void UpstreamConnection::leave() {
  leaving_ = true;
  if (!open_ || in_flight() == 0) end(UpstreamEnd::idle, kLeft);
}

void UpstreamConnection::on_deadline(TimePoint) {
  if (open_ && leaving_) return end(UpstreamEnd::idle, kLeft);
  if (open_) return end(protocol_->idle_limit().end, protocol_->idle_limit().what);
  const milliseconds limit = channel_.route().settings.connect_timeout;
  end(UpstreamEnd::not_connected, "no connection within " + std::to_string(limit.count()) + " ms");
}

bool UpstreamConnection::has_room() const {
  return open_ && !leaving_ && !channel_.attempts().suspect() && in_flight() < protocol_->capacity() &&
         protocol_->unsent() <= kUnsentBytesMax;
}

void UpstreamConnection::send(UpstreamAttempt& attempt, const ActiveCall& call) {
  const bool awaited = !call.request.is_notification() || protocol_->answers_notifications();
  channel_.attempts().begin(attempt, awaited, hub().now());
  attempt.connection = awaited ? this : nullptr;
  if (awaited) {
    hub().io().clear_deadline(*this);
  } else if (in_flight() == 0) {
    on_idle();
  }
  protocol_->write(attempt, call);
}

void UpstreamConnection::stop(UpstreamAttempt& attempt) {
  protocol_->write_cancel(attempt);
  channel_.attempts().pending().expect_late(attempt.id);
  channel_.release(attempt);
  if (channel_.attempts().suspect() && in_flight() == 0) {
    end(UpstreamEnd::given_up, "nothing came over it for a call's whole time limit");
  }
}

void UpstreamConnection::on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) {
  owner_.on_reply(attempt, reply);
}

void UpstreamConnection::on_failure(UpstreamAttempt& attempt, UpstreamFailure how) {
  owner_.on_failure(attempt, how);
}

// What it was asked is for no client any more.
void UpstreamConnection::close(bool abrupt) {
  channel_.close();
  open_ = false;
  hub().io().clear_deadline(*this);
  stream_.close(abrupt || in_flight() > 0);
}

void UpstreamConnection::end(UpstreamEnd why, const std::string& what) {
  if (channel_.closed()) return;
  close(why == UpstreamEnd::given_up);
  const std::string& problem = stream_.problem();
  owner_.on_end(*this, why, problem.empty() ? what : what + ": " + problem);
}

void UpstreamConnection::abandon() {
  if (!channel_.closed()) close(false);
}

}  // namespace sluice::core
