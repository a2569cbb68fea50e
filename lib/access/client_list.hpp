// All clients of one configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/access/client.hpp"
#include "lib/access/client_settings.hpp"

namespace sluice::core {

// What a connection has shown of who is behind it.
struct Credentials {
  struct User {
    std::uint32_t id = 0;
    std::vector<std::uint32_t> groups;
  };
  std::optional<TokenDigest> token;
  std::string certificate;  // empty: none, or none that was verified
  std::optional<User> user;
  std::string address;  // of the peer, as text; no proof, but what anonymous callers are told apart by

  // Whom the limits of anonymous callers hold for: a user, else an address. A network's IPv6 addresses are
  // one (the first 64 bits), since any of its machines may use them all.
  std::string peer() const;
};

// Immutable, so that whoever has a hold of it needs no lock. Any thread.
class ClientList {
 public:
  // Everybody may call everything.
  ClientList() = default;
  // What clients of the same name have used of their limits goes on counting from `before`. Throws
  // std::invalid_argument for what can't be meant.
  ClientList(const std::vector<ClientSettings>& settings, const ClientList& before);

  // Whether there are no clients, and so no question of who calls.
  bool open() const { return entries_.empty() && !anonymous_; }

  bool has_token(const TokenDigest& token) const { return find_token(token) != nullptr; }

  // The client that the proofs are one's: by its token, else its certificate, its user, one of its groups.
  // One is enough. Of several the first in the configuration. Null: they are nobody's.
  std::shared_ptr<const Grant> find(const Credentials& credentials) const;

  // Those who prove nothing. Null: they may do nothing.
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
