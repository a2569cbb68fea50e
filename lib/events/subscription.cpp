#include "lib/events/subscription.hpp"

#include <charconv>
#include <utility>

#include "lib/events/subscribe_request.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// Where nothing is replayed, events up to the snapshot's are not wanted.
std::uint64_t delivered_before(const StartFrom& from, const EventSnapshot& snapshot) {
  if (const auto* const position = std::get_if<EventPosition>(&from)) return position->sequence;
  return snapshot.replay.empty() ? snapshot.sequence : snapshot.replay.front()->sequence() - 1;
}

}  // namespace

SubscriptionId make_subscription_id(std::uint64_t high, std::uint64_t low) {
  SubscriptionId id;
  id[0] = '0';
  id[1] = 'x';
  write_hex16(id.data() + 2, high);
  write_hex16(id.data() + 18, low);
  return id;
}

Subscription::Subscription(SubscriptionOwner& owner, const SubscriptionId& id, MethodStyle style,
                           SubscribeRequest request, const QueueBounds& bounds, EventSnapshot snapshot)
    : heartbeat(request.heartbeat.value_or(std::chrono::milliseconds(0))),
      owner_(owner),
      filter_(request.filter.empty() ? nullptr : std::make_unique<EventFilter>(std::move(request.filter))),
      patterns_(std::move(request.patterns)),
      slots_(patterns_.size()),
      queue_(bounds, {}),
      seen_(snapshot.sequence),
      delivered_(delivered_before(request.from, snapshot)),
      id_(id),
      style_(style) {
  if (filter_ != nullptr)
    std::erase_if(snapshot.replay, [&](const EventPtr& event) { return !wants(*event); });
  queue_ = EventQueue(bounds, std::move(snapshot.replay));
}

void Subscription::begin_notification(std::string& out) const {
  out.assign(style_ == MethodStyle::dot
                 ? R"({"jsonrpc":"2.0","method":"rpc.subscription","params":{"subscription":")"
                 : R"({"jsonrpc":"2.0","method":"rpc_subscription","params":{"subscription":")");
  out.append(id()).push_back('"');
}

std::size_t Subscription::write_event(EventOutput& output, std::string& scratch, EventCounts& counts,
                                      TimePoint now) {
  const Event& event = queue_.front();
  begin_notification(scratch);
  scratch.append(R"(,"n":)");
  append_number(scratch, n_ + 1);
  if (const std::uint64_t dropped = queue_.dropped(); dropped > 0) {
    scratch.append(R"(,"dropped":)");
    append_number(scratch, dropped);
  }
  output.write({scratch, event.tail(), event.position()});
  const std::size_t bytes = scratch.size() + event.tail().size();
  counts.count_delivered(event, now);
  ++n_;
  delivered_ = event.sequence();
  queue_.pop();
  return bytes;
}

std::size_t Subscription::write_heartbeat(EventOutput& output, std::string& scratch,
                                          const EventPosition& position) const {
  begin_notification(scratch);
  const std::string text = position.to_string();
  scratch.append(R"(,"heartbeat":true,"pos":")").append(text).append("\"}}");
  output.write({scratch, {}, {}});
  return scratch.size();
}

std::size_t Subscription::write_end(EventOutput& output, std::string& scratch, const EventPosition& position,
                                    std::uint64_t random) const {
  const proto::Error error = end_error(*end, position, random);
  begin_notification(scratch);
  scratch.append(R"(,"error":{"code":)").append(std::to_string(error.code)).append(R"(,"message":)");
  proto::append_quoted(scratch, error.message);
  scratch.append(R"(,"data":)").append(error.data).append("}}}");
  output.write({scratch, {}, {}});
  return scratch.size();
}

}  // namespace sluice::core
