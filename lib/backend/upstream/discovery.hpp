// Discovery: asks an upstream for its methods.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "lib/backend/upstream/call.hpp"

namespace sluice::core {

// One call of rpc.discover, and the next where that came to nothing. Backends' thread only.
class UpstreamDiscovery {
 public:
  // Gets the methods that a server has named. Backends' thread.
  using Discovered = std::function<void(std::string_view openrpc)>;

  // `wanted`: whether anything is to be asked. `backend` is notified by on_unanswered() when it may be time
  // to.
  UpstreamDiscovery(BackendHub& hub, Backend& backend, std::string name, bool wanted, Discovered discovered);

  bool due() const { return wanted_ && !upstream_call_.under_way() && hub_.now() >= again_at_; }
  void ask(UpstreamEndpoint& endpoint, UpstreamConnection& connection);

  // Whether it is this one's call, or attempt. Their outcome is reported by the following.
  bool owns(const BackendCall& call) const { return &call == &backend_call_; }
  bool owns(const UpstreamAttempt& attempt) const { return attempt.call == &upstream_call_; }
  void on_reply(const proto::Reply& reply);
  void on_failure() { ask_later(); }
  void on_unanswered();

 private:
  static constexpr auto kAnswerTime = seconds(30);
  static constexpr auto kPause = seconds(1);  // before it is asked again

  void ask_later();

  BackendHub& hub_;
  const std::string name_;  // of the backend
  const Discovered discovered_;
  ActiveCall call_;
  BackendCall backend_call_;
  UpstreamCall upstream_call_;
  TimePoint again_at_;
  bool wanted_;
};

}  // namespace sluice::core
