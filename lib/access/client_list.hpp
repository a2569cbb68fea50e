// Client list: all clients of one configuration, found by credentials.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/access/client.hpp"
#include "lib/access/client_settings.hpp"

namespace sluice::core {

// The credentials that a connection has presented.
struct Credentials {
  struct User {
    std::uint32_t id = 0;
    std::vector<std::uint32_t> groups;
  };
  std::optional<TokenDigest> token;
  std::string certificate;  // no certificate, or not a verified one
  std::optional<User> user;
  std::string address;  // the peer's, as text; not a credential, but the limits of anonymous callers go by it

  // The key by which the limits of anonymous callers are counted: the user, else the address. The IPv6
  // addresses of a network are one (the first 64 bits), since any of its machines may use them all.
  std::string peer() const;
};

// Immutable, so that readers need no lock. Any thread.
class ClientList {
 public:
  // All callers may call everything.
  ClientList() = default;
  // Clients keep what their namesakes in `before` have used of their limits. Throws std::invalid_argument for
  // invalid or contradictory settings.
  ClientList(const std::vector<ClientSettings>& settings, const ClientList& before);

  // Whether no clients are configured. Then callers need no credentials.
  bool open() const { return entries_.empty() && !anonymous_; }

  bool has_token(const TokenDigest& token) const { return find_token(token) != nullptr; }

  // The client that the credentials match: by its token, else its certificate, its user, one of its groups.
  // One match is enough. Of several clients the first in the configuration counts. Null: they match no
  // client.
  std::shared_ptr<const Grant> find(const Credentials& credentials) const;

  // Unauthenticated callers. Null: they may do nothing.
  const std::shared_ptr<const Client>& anonymous() const { return anonymous_; }

 private:
  struct Entry {
    std::shared_ptr<const Client> client;
    std::shared_ptr<Usage> usage;
    std::shared_ptr<const Grant> grant;
  };

  void add(const ClientSettings& settings, const ClientList& before);
  std::shared_ptr<Usage> usage_of(const std::string& name) const;
  const Entry* find_token(const TokenDigest& token) const;

  std::vector<Entry> entries_;
  std::shared_ptr<const Client> anonymous_;
};

}  // namespace sluice::core
