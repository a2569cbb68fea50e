// Subscription: its requests, events and ends, over any number of connections.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/event.hpp"
#include "cli/result.hpp"
#include "cli/subscribe_options.hpp"

namespace sluice::client {

// The state of `sluice subscribe` without its connections. It resumes behind the last event that it has seen,
// and remarks on every event that may be missing.
class Subscription {
 public:
  // Where lines go: `event` is JSON in one line, `remark` a sentence for people.
  struct Output {
    std::function<void(std::string_view)> event;
    std::function<void(const std::string&)> remark;
  };

  // What is to be done after a message.
  struct Step {
    enum class Kind {
      wait,      // for the next message
      finished,  // all events that were asked for are there
      again,     // a new connection and request(), after the pause
      failed,    // `failure` ends the command
    };
    Kind kind = Kind::wait;
    std::chrono::milliseconds pause{0};  // again: at least
    Failure failure{ExitCode::ok, ""};   // failed
  };

  static constexpr std::string_view kRequestId = "1";

  Subscription(const SubscribeOptions& options, std::vector<std::string> topics, Output output);

  // The request for the next connection, one line.
  std::string request() const;

  // True once a server has accepted a request: from then on a lost connection is followed by another.
  bool was_accepted() const { return was_accepted_; }

  // The reply to request(), as valid JSON.
  Step take_reply(std::string_view reply);

  // Any later message of that connection, as valid JSON.
  Step take(std::string_view message);

 private:
  Step take_refusal(std::string_view error);
  Step take_end(const Event& event);
  void remark_gaps(const Event& event);

  SubscribeOptions options_;
  std::vector<std::string> topics_;
  Output output_;
  std::string id_;        // JSON text; of the connection's subscription
  std::string position_;  // JSON text; of the last event. Empty: none has come
  bool was_accepted_ = false;
  bool lost_position_ = false;  // the next request asks for what comes from now on
  std::uint64_t number_ = 0;    // of the connection's last event
  std::uint64_t seen_ = 0;      // events of all connections
};

}  // namespace sluice::client
