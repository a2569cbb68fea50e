// Peer of a connection: its credentials and its rights.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/access/access.hpp"

namespace sluice::core {

// A connection's credentials, and the rights that they give at the moment. The credentials stay for the
// connection's life. The rights hold until the configuration changes. I/O thread only.
class Caller {
 public:
  // `access` must outlive it.
  explicit Caller(Access& access) : access_(&access) {}

  // User and group ids of a Unix socket's peer, with all its groups.
  void set_peer_user(std::uint32_t user, std::vector<std::uint32_t> groups);
  // The peer's address as numeric text, without the port.
  void set_peer_address(std::string address);
  // The subject of a verified certificate, spelled as in the configuration ("CN=deploy").
  void set_certificate(std::string subject);

  // Whether the token belongs to a client. If so, it replaces any other token from the next message on; if
  // not, the caller keeps what it had. Without configured clients any token is accepted, and counts once
  // there are clients. Only the digest is kept. Throws std::bad_alloc.
  bool authenticate(std::string_view token);
  void forget_token();

  // Whether grant() is still valid. One atomic read.
  bool current() const { return version_ == access_->version(); }
  // Updates grant(). Throws std::bad_alloc.
  void resolve(TimePoint now);
  // The rights as of the last resolve(). Null: everything.
  const std::shared_ptr<const Grant>& grant() const { return grant_; }
  // The subject of its certificate, if that matches no client and no other credential does; else empty.
  std::string_view unknown_certificate() const {
    return grant_ && !grant_->authenticated() ? std::string_view(credentials_.certificate) : "";
  }

 private:
  static constexpr std::uint64_t kOutdated = ~std::uint64_t{0};

  Access* access_;
  Credentials credentials_;
  std::shared_ptr<const Grant> grant_;
  std::uint64_t version_ = 0;  // of the configuration that grant_ comes from
};

}  // namespace sluice::core
