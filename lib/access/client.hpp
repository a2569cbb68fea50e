// A client as its calls meet it: what it is called, how it is known, what it may do.
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

namespace sluice::core {

// What has been used of a client's limits. Thread-safe; shared by what counts against the same limits.
struct Usage {
  TokenBucket bucket;
  std::atomic<std::size_t> in_flight{0};
};

// One [[client]] entry. Immutable.
struct Client {
  std::string name;
  std::optional<TokenDigest> token;
  std::optional<std::uint32_t> user;   // the ids that a Unix socket's peer runs under
  std::optional<std::uint32_t> group;  // any of its groups
  std::string certificate;             // subject; empty: none
  MethodPatterns methods;
  Rate rate;
  std::size_t in_flight_max = 0;  // 0: no limit of its own

  bool anonymous() const { return name == "anonymous"; }
};

// What a caller may do, as it was found when its message came. Immutable; calls share it, and so may
// any thread that has a hold of it.
class Grant {
 public:
  // Whose proofs, if any, are no client's: nothing is allowed.
  Grant() = default;
  // `usage` null: the client has no limits of its own.
  Grant(std::shared_ptr<const Client> client, std::shared_ptr<Usage> usage)
      : client_(std::move(client)), usage_(std::move(usage)) {}

  // Whether it is known who calls.
  bool authenticated() const { return client_ != nullptr && !client_->anonymous(); }
  bool allows(std::string_view method) const { return client_ != nullptr && client_->methods.allow(method); }
  // What stands for the client where it is compared with others: the same for all of its callers, and after a
  // reload. Null where it is not known who calls.
  const void* known_client() const { return authenticated() ? usage_.get() : nullptr; }
  // Empty where nobody is known by these credentials.
  std::string_view client_name() const { return client_ ? std::string_view(client_->name) : ""; }

  const Rate* rate() const { return usage_ && client_->rate.limited() ? &client_->rate : nullptr; }
  std::size_t in_flight_max() const { return usage_ ? client_->in_flight_max : 0; }
  Usage* usage() const { return usage_.get(); }

 private:
  std::shared_ptr<const Client> client_;
  std::shared_ptr<Usage> usage_;
};

}  // namespace sluice::core
