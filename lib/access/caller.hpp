// Who is at the other end of a connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/access/access.hpp"

namespace sluice::core {

// A connection's proofs, and what they are worth at the moment. Credentials stay for the connection's life,
// the verdict only until the configuration changes. I/O thread only.
class Caller {
 public:
  // `access` must outlive it.
  explicit Caller(Access& access) : access_(&access) {}

  // A Unix socket's peer: the ids that it runs under, all its groups.
  void set_peer_user(std::uint32_t user, std::vector<std::uint32_t> groups);
  // Where it comes from: numeric text of its address, without the port.
  void set_peer_address(std::string address);
  // The subject of a certificate that has been verified, spelled as in the configuration ("CN=deploy").
  void set_certificate(std::string subject);

  // Whether the token is some client's; then it counts from the next message on, in the place of any other.
  // If it is nobody's, the caller keeps what it was. Any token is taken where no clients are configured, and
  // counts once there are. Nothing keeps the token itself. Throws std::bad_alloc.
  bool authenticate(std::string_view token);
  void forget_token();

  // Whether grant() is still true. One atomic read.
  bool current() const { return version_ == access_->version(); }
  // Finds it out anew. Throws std::bad_alloc.
  void resolve(TimePoint now);
  // What it may do, by the last resolve(). Null: everything.
  const std::shared_ptr<const Grant>& grant() const { return grant_; }
  // The subject of its certificate where neither that nor anything else is a client's proof; else empty.
  std::string_view unknown_certificate() const {
    return grant_ && !grant_->authenticated() ? std::string_view(credentials_.certificate) : "";
  }

 private:
  static constexpr std::uint64_t kOutdated = ~std::uint64_t{0};

  Access* access_;
  Credentials credentials_;
  std::shared_ptr<const Grant> grant_;
  std::uint64_t version_ = 0;  // of the configuration that grant_ is from
};

}  // namespace sluice::core
