#include "lib/events/subscription_end.hpp"

namespace sluice::core {

std::string_view to_string(SubscriptionEnd end) {
  switch (end) {
    case SubscriptionEnd::slow:
      return "slow";
    case SubscriptionEnd::gap:
      return "gap";
    case SubscriptionEnd::topic_gone:
      return "topic_gone";
    case SubscriptionEnd::revoked:
      return "revoked";
    case SubscriptionEnd::draining:
      return "draining";
    case SubscriptionEnd::backend_down:
      return "backend_down";
    case SubscriptionEnd::unsubscribed:
      return "unsubscribed";
    case SubscriptionEnd::disconnected:
    case SubscriptionEnd::kCount:
      break;
  }
  return "disconnected";
}

proto::Error end_error(SubscriptionEnd end, const EventPosition& position, std::uint64_t random) {
  switch (end) {
    case SubscriptionEnd::slow:
      return proto::subscription_slow();
    case SubscriptionEnd::topic_gone:
      return proto::subscription_topic_gone();
    case SubscriptionEnd::revoked:
      return proto::subscription_revoked();
    case SubscriptionEnd::draining: {
      const std::chrono::milliseconds wait(random % static_cast<std::uint64_t>(kReturnSpread.count()));
      return proto::subscription_draining(position.to_string(), wait);
    }
    case SubscriptionEnd::backend_down:
      return proto::subscription_backend_down(kBackendRetryAfter);
    default:
      return proto::subscription_gap();
  }
}

}  // namespace sluice::core
