#include "lib/backend/upstream/sessions.hpp"

#include <utility>

namespace sluice::core {
namespace {

int index_in_connections() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

void UpstreamSessions::enable(SSL_CTX* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &UpstreamSessions::on_new);
}

void UpstreamSessions::use(SSL* connection) {
  SSL_set_ex_data(connection, index_in_connections(), this);
  kept_.reserve(kKeptMax);  // on_new() is called by what knows no exceptions
  if (kept_.empty()) return;
  const Session newest = std::move(kept_.back());
  kept_.pop_back();
  SSL_set_session(connection, newest.get());  // takes a reference; where it fails there is a full handshake
}

// A copy: what is closed without close_notify marks its own session as one not to be resumed.
int UpstreamSessions::on_new(SSL* connection, SSL_SESSION* session) {
  auto* const owner = static_cast<UpstreamSessions*>(SSL_get_ex_data(connection, index_in_connections()));
  if (owner == nullptr || SSL_SESSION_is_resumable(session) != 1) return 0;
  Session copy(SSL_SESSION_dup(session));
  if (!copy) return 0;
  if (owner->kept_.size() == kKeptMax) owner->kept_.erase(owner->kept_.begin());
  owner->kept_.push_back(std::move(copy));
  return 0;
}

}  // namespace sluice::core
