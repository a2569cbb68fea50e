// Events of a connection: its subscriptions, and how their events get into its output.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>

#include "lib/events/event_sink.hpp"
#include "lib/events/subscription_set.hpp"
#include "lib/transport/codec.hpp"
#include "lib/transport/codec_host.hpp"

namespace sluice::core {

// Replies overtake events: events are written only while little output waits, and after what waits. I/O
// thread only.
class ConnectionEvents final : private EventSink {
 public:
  // Output beyond this size is not added to.
  static constexpr std::size_t kRoomBytes = 64 * 1024;

  // Both outlive it. `fanout` null: there are no events.
  ConnectionEvents(CodecHost& host, EventFanout* fanout) : host_(host), fanout_(fanout) {}

  // The connection's subscriptions, made by the first call. Null if there are no events. Throws
  // std::bad_alloc.
  SubscriptionSet* subscriptions();
  // Whether there are subscriptions, or ends of some that their client does not know yet.
  bool any() const { return set_ != nullptr && set_->size() > 0; }
  // Whether deliver() would write, given room.
  bool waiting() const { return set_ != nullptr && set_->waiting(); }

  // Writes what fits, with `unsent` bytes of output waiting. True if something was written. Throws
  // std::bad_alloc; it can be called again.
  bool deliver(Codec& codec, std::size_t unsent);
  // When deliver() is due, whether there is an event or not.
  TimePoint deadline() const {
    return set_ != nullptr ? std::min(set_->deadline(), heartbeat_at_) : TimePoint::max();
  }

  // Ends subscriptions that the client's rights do not allow any more. Out of memory, deliver() does it.
  void renew_rights() noexcept;
  // Ends all subscriptions, once what waits is written.
  void end_all(SubscriptionEnd why) {
    if (set_ != nullptr) set_->end_all(why);
  }
  // As if the client had unsubscribed: nothing more is written.
  void clear() {
    set_.reset();
    heartbeat_at_ = TimePoint::max();
  }

 private:
  void on_events() override { host_.wake(); }
  void revoke_lost();
  bool send_heartbeat(Codec& codec, bool busy);

  CodecHost& host_;
  EventFanout* const fanout_;
  std::unique_ptr<SubscriptionSet> set_;       // null: no call has subscribed
  std::shared_ptr<const Grant> grant_;         // the rights that the subscriptions were last compared with
  TimePoint heartbeat_at_ = TimePoint::max();  // if nothing is written until then
};

}  // namespace sluice::core
