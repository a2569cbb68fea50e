#include "lib/transport/connection_events.hpp"

#include <new>

namespace sluice::core {
namespace {

struct CodecOutput final : EventOutput {
  explicit CodecOutput(Codec& to) : codec(to) {}
  void write(const EventMessage& message) override { codec.send_event(message); }
  Codec& codec;
};

}  // namespace

SubscriptionSet* ConnectionEvents::subscriptions() {
  EventSink& sink = *this;
  if (set_ == nullptr && fanout_ != nullptr) set_ = std::make_unique<SubscriptionSet>(*fanout_, sink);
  return set_.get();
}

bool ConnectionEvents::deliver(Codec& codec, std::size_t unsent) {
  if (!any()) return false;
  revoke_lost();
  CodecOutput output(codec);
  const std::size_t room = unsent < kRoomBytes ? kRoomBytes - unsent : 0;
  const bool wrote = set_->deliver(output, room, host_.io().now()) > 0;
  if (!codec.has_event_heartbeat()) return wrote;
  return send_heartbeat(codec, wrote || unsent > 0) || wrote;
}

// Output that waits shows as much to a client that reads.
bool ConnectionEvents::send_heartbeat(Codec& codec, bool busy) {
  const TimePoint now = host_.io().now();
  const bool due = heartbeat_at_ <= now && !busy && any();
  if (due) codec.send_event_heartbeat();
  if (!any()) {
    heartbeat_at_ = TimePoint::max();
  } else if (due || busy || heartbeat_at_ == TimePoint::max()) {
    heartbeat_at_ = now + fanout_->hub().rules()->settings().heartbeat;
  }
  return due;
}

// At a reload: the events that wait were published under the earlier rights.
void ConnectionEvents::renew_rights() noexcept {
  if (!any()) return;
  try {
    revoke_lost();
  } catch (const std::bad_alloc&) {
    host_.wake();
  }
}

void ConnectionEvents::revoke_lost() {
  const std::shared_ptr<const Grant>& grant = host_.rpc_session().grant();
  if (grant == grant_) return;
  grant_ = grant;
  if (grant != nullptr) set_->revoke(grant->subscribable());
}

}  // namespace sluice::core
