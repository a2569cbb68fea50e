// Caller identity: the credentials of a session's client.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "lib/access/caller.hpp"
#include "lib/call/client_key.hpp"
#include "lib/rpc/reply_sink.hpp"
#include "lib/rpc/session_stats.hpp"
#include "proto/request.hpp"

namespace sluice::core {

// A session's credentials: takes tokens, resolves what the client may do, counts and logs what is refused.
// I/O thread only.
class CallerIdentity {
 public:
  // After so many wrong tokens on one connection rpc.authenticate checks no more of them there. Not so where
  // every message shows its own token: a proxy's connection may carry any client's.
  static constexpr std::size_t kWrongTokensMax = 10;

  // All must outlive it. `sink` knows the peer.
  CallerIdentity(Access& access, SessionStats& stats, ReplySink& sink)
      : caller_(access), stats_(stats), sink_(sink) {}

  // True while grant() is up to date. One atomic read.
  bool current() const { return caller_.current(); }
  // Resolves the credentials by the configuration of this moment. Throws std::bad_alloc.
  void resolve(TimePoint now);
  // Logs, once, a certificate that identifies none of the clients. After resolve(). Throws std::bad_alloc.
  void report_unknown_certificate();
  // The client's rights, by the last resolve(). Null: everything is allowed.
  const std::shared_ptr<const Grant>& grant() const { return caller_.grant(); }
  // Stands for the client where calls wait (CallOwner::client), by the last resolve().
  const void* client() const { return client_; }

  // For transports whose messages show a token each. A wrong one is counted and logged, and its message is to
  // be refused. A good one counts from the next message on. Throws std::bad_alloc.
  bool take_token(std::string_view token);
  void forget_token() { caller_.forget_token(); }
  // The same for the token of rpc.authenticate, which `request` calls; at most kWrongTokensMax wrong ones are
  // checked.
  bool authenticate(std::string_view token, const proto::Request& request);

  // Sets whether messages of several clients share the connection, each with its own credentials. Then a
  // message reaches only calls of its own client.
  void set_shared(bool shared) { shared_ = shared; }
  bool shared() const { return shared_; }

 private:
  void refuse_token(std::string_view why, std::string_view method, std::string_view id);

  Caller caller_;
  SessionStats& stats_;
  ReplySink& sink_;
  const void* client_ = new_client_key();
  std::size_t wrong_tokens_ = 0;
  bool shared_ = false;
  bool peer_known_ = false;
  bool certificate_reported_ = false;
};

}  // namespace sluice::core
