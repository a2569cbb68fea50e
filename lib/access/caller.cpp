#include "lib/access/caller.hpp"

#include <utility>

namespace sluice::core {

void Caller::set_peer_user(std::uint32_t user, std::vector<std::uint32_t> groups) {
  credentials_.user = Credentials::User{user, std::move(groups)};
  version_ = kOutdated;
}

void Caller::set_peer_address(std::string address) {
  credentials_.address = std::move(address);
  version_ = kOutdated;
}

void Caller::set_certificate(std::string subject) {
  credentials_.certificate = std::move(subject);
  version_ = kOutdated;
}

bool Caller::authenticate(std::string_view token) {
  if (token.size() > kTokenBytesMax) return false;
  const TokenDigest digest = token_digest(token);
  const auto list = access_->list();
  if (!list->open() && !list->has_token(digest)) return false;
  // Over HTTP each message presents the same token.
  if (credentials_.token && same_digest(*credentials_.token, digest)) return true;
  credentials_.token = digest;
  version_ = kOutdated;
  return true;
}

void Caller::forget_token() {
  if (!credentials_.token) return;
  credentials_.token.reset();
  version_ = kOutdated;
}

void Caller::resolve(TimePoint now) {
  const std::uint64_t version = access_->version();
  grant_ = access_->resolve(credentials_, now);
  version_ = version;
}

}  // namespace sluice::core
