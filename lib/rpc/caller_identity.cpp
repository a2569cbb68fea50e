#include "lib/rpc/caller_identity.hpp"

#include <utility>

namespace sluice::core {
namespace {

constexpr std::string_view kWrongToken = "wrong token";
constexpr std::string_view kUncheckedToken = "token ignored after too many wrong ones";

}  // namespace

void CallerIdentity::resolve(TimePoint now) {
  if (!std::exchange(peer_known_, true)) sink_.fill_peer_identity(caller_);
  caller_.resolve(now);
  const void* const known = caller_.grant() ? caller_.grant()->known_client() : nullptr;
  if (known != nullptr) {
    client_ = known;
  } else if (!is_client_key(client_)) {
    client_ = new_client_key();
  }
}

bool CallerIdentity::take_token(std::string_view token) {
  if (caller_.authenticate(token)) return true;
  refuse_token(kWrongToken, {}, {});
  return false;
}

bool CallerIdentity::authenticate(std::string_view token, const proto::Request& request) {
  const bool checked = wrong_tokens_ < kWrongTokensMax;
  if (checked && caller_.authenticate(token)) return true;
  ++wrong_tokens_;
  refuse_token(checked ? kWrongToken : kUncheckedToken, request.method, request.id);
  return false;
}

void CallerIdentity::refuse_token(std::string_view why, std::string_view method, std::string_view id) {
  stats_.count_refused_token();
  stats_.log_refused_token(why, method, id, sink_.peer());
}

void CallerIdentity::report_unknown_certificate() {
  const std::string_view unknown = caller_.unknown_certificate();
  if (unknown.empty() || std::exchange(certificate_reported_, true)) return;
  stats_.certificate_unknown(unknown, sink_.peer());
}

}  // namespace sluice::core
