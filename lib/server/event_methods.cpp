#include "lib/server/event_methods.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/call/async_handler.hpp"
#include "lib/events/subscribe_request.hpp"
#include "lib/events/subscription_set.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

using Outcome = Result<std::string, proto::Error>;

void end_with(ActiveCall& call, const Outcome& outcome) {
  if (outcome) {
    compose_result(call, outcome.value());
  } else {
    compose_error(call, outcome.error());
  }
  end_async(call);
}

class SubscribeHandler final : public AsyncHandler {
 public:
  explicit SubscribeHandler(MethodStyle style) : style_(style) {}
  void start(ActiveCall& call, boost::asio::io_context&) override { end_with(call, subscribe(call)); }

 private:
  Outcome subscribe(ActiveCall& call) const {
    auto request = SubscribeRequest::parse(call.request.params);
    if (!request) return std::move(request).error();
    const auto allowed = [&call](const TopicPattern& pattern) {
      return call.grant == nullptr || call.grant->may_subscribe(pattern);
    };
    if (!std::ranges::all_of(request.value().patterns, allowed)) return proto::forbidden();
    // Without an id there is no reply that tells the client its subscription.
    if (call.request.is_notification()) return std::string("null");
    const EventTarget target = call.owner != nullptr ? call.owner->event_target(call) : EventTarget{};
    if (target.subscriptions == nullptr) return proto::subscriptions_unsupported();
    auto id =
        target.subscriptions->subscribe(std::move(request).value(), style_, target.exchange, call.received);
    if (!id) return std::move(id).error();
    return proto::quoted(id.value());
  }

  const MethodStyle style_;
};

struct Publication {
  std::string topic;
  std::string_view data;
};

Result<Publication, proto::Error> read_publication(std::string_view params) {
  std::optional<std::string_view> topic;
  std::optional<std::string_view> data;
  const bool by_position = params.starts_with('[');
  int position = 0;
  for (proto::JsonWalker walker(params); walker.next(); ++position) {
    if (by_position ? position == 0 : walker.key() == "topic") {
      topic = walker.value();
    } else if (by_position ? position == 1 : walker.key() == "data") {
      data = walker.value();
    } else {
      const std::string path = by_position ? std::to_string(position) : std::string(walker.key());
      return proto::invalid_params("/" + path, "topic and data, nothing else");
    }
  }
  const auto name = topic ? proto::as_string(*topic) : std::nullopt;
  if (!name) return proto::invalid_params(by_position ? "/0" : "/topic", "the name of a topic");
  if (!data) return proto::invalid_params(by_position ? "/1" : "/data", "a value");
  return Publication{*name, *data};
}

class PublishHandler final : public AsyncHandler {
 public:
  explicit PublishHandler(EventHub& hub) : hub_(hub) {}
  void start(ActiveCall& call, boost::asio::io_context&) override { end_with(call, publish(call)); }

 private:
  Outcome publish(const ActiveCall& call) const {
    const auto read = read_publication(call.request.params);
    if (!read) return read.error();
    const Publication& publication = read.value();
    if (call.grant != nullptr && is_topic_name(publication.topic) &&
        !call.grant->may_publish(publication.topic))
      return proto::forbidden();
    const auto published = hub_.publish(publication.topic, publication.data, Clock::now());
    if (!published) return published.error();
    return R"({"pos":")" + published.value().position.to_string() + R"(","subscribers":)" +
           std::to_string(published.value().subscribers) + "}";
  }

  EventHub& hub_;
};

MethodSpec async_method(std::string name, std::string summary, std::shared_ptr<AsyncHandler> handler) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.options.summary = std::move(summary);
  spec.kind = HandlerKind::async;
  spec.async = std::move(handler);
  return spec;
}

}  // namespace

MethodSpec subscribe_method(std::string name) {
  const MethodStyle style = name.find('_') == std::string::npos ? MethodStyle::dot : MethodStyle::underscore;
  return async_method(std::move(name), "Subscribes to the events of topics.",
                      std::make_shared<SubscribeHandler>(style));
}

MethodSpec publish_method(EventHub& hub) {
  return async_method("rpc.publish", "Publishes an event of a topic.", std::make_shared<PublishHandler>(hub));
}

}  // namespace sluice::core
