// Subscription: what one client wants to get of the events, and what waits for it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/access/topic_pattern.hpp"
#include "lib/base/intrusive_list.hpp"
#include "lib/events/event_filter.hpp"
#include "lib/events/event_hub.hpp"
#include "lib/events/event_queue.hpp"
#include "lib/events/event_sink.hpp"
#include "lib/events/subscription_end.hpp"
#include "lib/events/subscription_owner.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

struct SubscribeRequest;
struct WaitingTag;

// What notifications are called: `rpc.subscription`, or `rpc_subscription` for clients that subscribed by
// `rpc_subscribe`.
enum class MethodStyle : std::uint8_t { dot, underscore };

// 128 random bits: "0x" and 32 hexadecimal digits.
using SubscriptionId = std::array<char, 34>;
SubscriptionId make_subscription_id(std::uint64_t high, std::uint64_t low);

// A slot in each list of subscribers that it is in, so that it is removed in O(1).
struct SubscriptionSlot {
  class Subscription* subscription;
  std::uint32_t pattern;  // index of the pattern
};

// Its owner says when what is written. I/O thread only.
class Subscription : public ListHook<WaitingTag> {
 public:
  Subscription(SubscriptionOwner& owner, const SubscriptionId& id, MethodStyle style,
               SubscribeRequest request, const QueueBounds& bounds, EventSnapshot snapshot);

  SubscriptionOwner& owner() const { return owner_; }
  std::string_view id() const { return {id_.data(), id_.size()}; }
  const std::vector<TopicPattern>& patterns() const { return patterns_; }
  // By pattern: its position in the list of subscribers.
  std::vector<std::uint32_t>& slots() { return slots_; }
  EventQueue& queue() { return queue_; }

  // True once for each event after those that it began with.
  bool is_new(const Event& event) {
    if (event.sequence() <= seen_) return false;
    seen_ = event.sequence();
    return true;
  }
  // Throws std::bad_alloc.
  bool wants(const Event& event) const { return filter_ == nullptr || filter_->matches(event.data()); }
  bool has_filter() const { return filter_ != nullptr; }

  // Writes the oldest event that waits, and removes it. Returns the bytes. `scratch` is any string. Throws
  // std::bad_alloc; then nothing has changed.
  std::size_t write_event(EventOutput& output, std::string& scratch, EventCounts& counts, TimePoint now);
  std::size_t write_heartbeat(EventOutput& output, std::string& scratch, const EventPosition& position) const;
  std::size_t write_end(EventOutput& output, std::string& scratch, const EventPosition& position,
                        std::uint64_t random) const;

  // Sequence up to which the client has all events that it wants; those up to `processed` have been matched.
  std::uint64_t up_to_date(std::uint64_t processed) {
    if (!queue_.empty()) return delivered_;
    return std::max(seen_, end ? end_sequence : processed);
  }

  // Used by the owner.
  std::optional<SubscriptionEnd> end;         // why it is over, before the client is notified
  std::uint64_t end_sequence = 0;             // up to here events were matched
  std::uint64_t exchange = 0;                 // of its reply
  TimePoint ready_at = TimePoint::max();      // the first event may be written
  bool ready = false;                         // that time has come
  std::chrono::milliseconds heartbeat{0};     // 0: never
  TimePoint heartbeat_at = TimePoint::max();  // if nothing is written until then
  bool heartbeat_due = false;

  bool has_output() { return !queue_.empty() || end || heartbeat_due; }

 private:
  void begin_notification(std::string& out) const;

  SubscriptionOwner& owner_;
  std::unique_ptr<const EventFilter> filter_;  // null: everything
  std::vector<TopicPattern> patterns_;
  std::vector<std::uint32_t> slots_;
  EventQueue queue_;
  std::uint64_t n_ = 0;  // number of the last event written
  std::uint64_t seen_;
  std::uint64_t delivered_;
  SubscriptionId id_;
  MethodStyle style_;
};

}  // namespace sluice::core
