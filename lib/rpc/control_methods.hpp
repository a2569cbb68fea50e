// Control methods: those that a session handles itself, such as rpc.cancel, rpc.authenticate and
// rpc.unsubscribe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/rpc/call_id.hpp"
#include "lib/rpc/caller_identity.hpp"
#include "lib/rpc/session_stats.hpp"
#include "proto/error.hpp"
#include "proto/request.hpp"

namespace sluice::core {

// What control methods change: the calls and the subscriptions of their session.
class SessionControl {
 public:
  // Cancels the target; false if it neither waits nor runs.
  virtual bool cancel(const CancelTarget& target) = 0;
  // Ends a subscription; false if the session has none of that id.
  virtual bool unsubscribe(std::string_view id) = 0;

 protected:
  ~SessionControl() = default;
};

// Answers control methods. They are open to every caller, are not admitted, and wait for no window. I/O
// thread only.
class ControlMethods {
 public:
  // All must outlive it.
  ControlMethods(CallerIdentity& identity, SessionControl& session, SessionStats& stats)
      : identity_(identity), session_(session), stats_(stats) {}

  static bool is_control(std::string_view method);
  // False for nearly all others: by the method's first character.
  static bool may_be_control(std::string_view method) {
    return method.starts_with('r') || method.starts_with('$') || method.starts_with('n');
  }

  struct Answer {
    std::string reply;  // empty: none is due
    std::int64_t code = 0;
  };
  // Handles a control method, called under `grant`; nothing for an ordinary call. Throws std::bad_alloc.
  std::optional<Answer> handle(const proto::Request& request, const Grant* grant);

 private:
  Answer cancel_call(const proto::Request& request, const Grant* grant);
  Answer authenticate(const proto::Request& request);
  Answer unsubscribe(const proto::Request& request);
  Answer answer(const proto::Request& request, const Result<bool, proto::Error>& outcome);
  bool cancel(std::string_view id, const Grant* grant, bool silent);

  CallerIdentity& identity_;
  SessionControl& session_;
  SessionStats& stats_;
};

}  // namespace sluice::core
