#include "cli/subscription.hpp"

#include <utility>

#include "cli/json_text.hpp"
#include "cli/refusal.hpp"
#include "cli/reply.hpp"
#include "cli/request.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kGone = "-32015";

std::string one_line(std::string_view json) {
  const bool has_newline = json.find_first_of("\r\n") != std::string_view::npos;
  return has_newline ? compact_json(json) : std::string(json);
}

}  // namespace

Subscription::Subscription(const SubscribeOptions& options, std::vector<std::string> topics, Output output)
    : options_(options), topics_(std::move(topics)), output_(std::move(output)) {}

std::string Subscription::request() const {
  std::string topics;
  for (const std::string& topic : topics_) topics += (topics.empty() ? "" : ",") + proto::quoted(topic);
  std::string params = "{\"topic\":" + (topics_.size() == 1 ? topics : "[" + topics + "]");
  if (!options_.filter.empty()) params += ",\"filter\":" + options_.filter;
  if (!lost_position_ && !position_.empty()) {
    params += ",\"from\":" + position_;
  } else if (!lost_position_ && options_.from != "now") {
    params += ",\"from\":" + proto::quoted(options_.from);
  }
  return make_request("rpc.subscribe", params + "}", kRequestId, {});
}

Subscription::Step Subscription::take_reply(std::string_view text) {
  const Reply reply = parse_reply(text);
  if (reply.is_error()) return take_refusal(reply.error);
  if (reply.result.empty()) {
    return {Step::Kind::failed, {}, unreachable("the server's answer has neither result nor error")};
  }
  if (was_accepted_ && !lost_position_ && position_.empty() && options_.from == "now") {
    output_.remark("events may be missing: none had come that says where to go on");
  }
  id_ = reply.result;
  number_ = 0;
  was_accepted_ = true;
  lost_position_ = false;
  return {};
}

Subscription::Step Subscription::take_refusal(std::string_view error) {
  if (was_accepted_ && !lost_position_ && proto::member(error, "code").value_or("") == kGone) {
    output_.remark("events are missing: " + describe_error(error) + "; going on from now");
    lost_position_ = true;
    position_.clear();
    return {Step::Kind::again};
  }
  const auto pause = retry_pause(error);
  if (was_accepted_ && pause) return {Step::Kind::again, *pause};
  return {Step::Kind::failed, {}, {ExitCode::rpc_error, describe_error(error)}};
}

Subscription::Step Subscription::take_end(const Event& event) {
  if (error_data(event.error, "reason") == R"("revoked")") {
    return {Step::Kind::failed, {}, {ExitCode::rpc_error, describe_error(event.error)}};
  }
  output_.remark("the subscription has ended: " + describe_error(event.error) + "; subscribing again");
  if (position_.empty()) position_ = error_data(event.error, "pos");
  return {Step::Kind::again, retry_pause(event.error).value_or(milliseconds(0))};
}

void Subscription::remark_gaps(const Event& event) {
  const std::string topic = event.topic.empty() ? "" : " of " + unquote_json(event.topic);
  const std::uint64_t number = event.number.value_or(number_ + 1);
  if (event.dropped > 0) {
    output_.remark(std::to_string(event.dropped) + " events" + topic +
                   " were dropped: this reader was too slow");
  } else if (number > number_ + 1) {
    output_.remark(std::to_string(number - number_ - 1) + " events are missing before one" + topic);
  }
  if (event.gap) output_.remark("events" + topic + " are missing: their source was lost");
  number_ = number;
}

Subscription::Step Subscription::take(std::string_view message) {
  const auto event = parse_event(message);
  if (!event || event->subscription != id_) return {};
  if (!event->error.empty()) return take_end(*event);
  if (!event->pos.empty()) position_ = event->pos;
  if (event->result.empty()) return {};  // a heartbeat
  remark_gaps(*event);
  output_.event(one_line(options_.full ? message : event->result));
  ++seen_;
  return {seen_ == options_.count ? Step::Kind::finished : Step::Kind::wait};
}

}  // namespace sluice::client
