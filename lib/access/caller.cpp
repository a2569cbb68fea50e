#include "lib/access/caller.hpp"

#include <utility>

namespace sluice::core {

void Caller::set_peer_user(std::uint32_t user, std::vector<std::uint32_t> groups) {
  proofs_.user = Proofs::User{user, std::move(groups)};
  version_ = kOutdated;
}

void Caller::set_peer_address(std::string address) {
  proofs_.address = std::move(address);
  version_ = kOutdated;
}

void Caller::set_certificate(std::string subject) {
  proofs_.certificate = std::move(subject);
  version_ = kOutdated;
}

bool Caller::present_token(std::string_view token) {
  if (token.size() > kTokenBytesMax) return false;
  const TokenDigest digest = token_digest(token);
  const auto list = access_->list();
  if (!list->open() && !list->has_token(digest)) return false;
  // Over HTTP the same one is shown with each message.
  if (proofs_.token && same_digest(*proofs_.token, digest)) return true;
  proofs_.token = digest;
  version_ = kOutdated;
  return true;
}

void Caller::forget_token() {
  if (!proofs_.token) return;
  proofs_.token.reset();
  version_ = kOutdated;
}

void Caller::resolve(TimePoint now) {
  const std::uint64_t version = access_->version();
  grant_ = access_->resolve(proofs_, now);
  version_ = version;
}

}  // namespace sluice::core
