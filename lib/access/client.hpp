// Client: its name, its credentials, its rights and the use of its limits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/access/method_patterns.hpp"
#include "lib/access/token.hpp"
#include "lib/access/token_bucket.hpp"
#include "lib/access/topic_rights.hpp"

namespace sluice::core {

// Use of a client's limits. Thread-safe; shared by all callers that count against the same limits.
struct Usage {
  TokenBucket bucket;
  std::atomic<std::size_t> in_flight{0};
};

// One [[client]] entry. Immutable.
struct Client {
  std::string name;
  std::optional<TokenDigest> token;
  std::optional<std::uint32_t> user;   // user id of a Unix socket's peer
  std::optional<std::uint32_t> group;  // one of the peer's groups
  std::string certificate;             // subject; empty: none
  MethodPatterns methods;
  Rate rate;
  std::size_t in_flight_max = 0;  // 0: no limit of its own
  TopicRights subscribe;
  TopicRights publish;

  bool anonymous() const { return name == "anonymous"; }
};

// The rights of a caller at the time of its message. Immutable; calls share it, and any thread may read it.
class Grant {
 public:
  // For callers whose credentials match no client: nothing is allowed.
  Grant() = default;
  // `usage` null: the client has no limits of its own.
  Grant(std::shared_ptr<const Client> client, std::shared_ptr<Usage> usage)
      : client_(std::move(client)), usage_(std::move(usage)) {}

  // Whether the caller is a known client.
  bool authenticated() const { return client_ != nullptr && !client_->anonymous(); }
  bool allows(std::string_view method) const { return client_ != nullptr && client_->methods.allow(method); }
  // Whether the caller may get the events of all topics that the pattern matches. These three do not depend
  // on whether a topic exists.
  bool may_subscribe(const TopicPattern& pattern) const {
    return client_ != nullptr && client_->subscribe.allow(pattern);
  }
  // `topic` is a name.
  bool may_subscribe(std::string_view topic) const {
    return client_ != nullptr && client_->subscribe.allow(topic);
  }
  // What may_subscribe() allows.
  const TopicRights& subscribable() const {
    static const TopicRights kNothing;
    return client_ ? client_->subscribe : kNothing;
  }
  bool may_publish(std::string_view topic) const {
    return client_ != nullptr && client_->publish.allow(topic);
  }
  // Identity of the client for comparisons: the same for all of its callers, and after a reload. Null where
  // the caller is not a known client.
  const void* known_client() const { return authenticated() ? usage_.get() : nullptr; }
  // Empty where the credentials match no client.
  std::string_view client_name() const { return client_ ? std::string_view(client_->name) : ""; }

  const Rate* rate() const { return usage_ && client_->rate.limited() ? &client_->rate : nullptr; }
  std::size_t in_flight_max() const { return usage_ ? client_->in_flight_max : 0; }
  Usage* usage() const { return usage_.get(); }

 private:
  std::shared_ptr<const Client> client_;
  std::shared_ptr<Usage> usage_;
};

}  // namespace sluice::core
