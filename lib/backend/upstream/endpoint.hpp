// One URL of an upstream: its connections, and whether it is to be asked.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "lib/backend/breaker_guard.hpp"
#include "lib/backend/upstream/connection.hpp"
#include "lib/backend/upstream/dial_budget.hpp"

namespace sluice::core {

// Opens connections on demand. Outcomes of calls decide whether it gets more: each failure counts for its
// breaker. If no connection can be made, the URL is down until a probe has made one. Backends' thread only.
class UpstreamEndpoint final : private UpstreamConnection::Owner,
                               private BreakerGuard::Callbacks,
                               private Deadline {
 public:
  using Connection = UpstreamConnection;  // as Balancer calls it

  class Owner {
   public:
    // Calls may have become possible, or impossible.
    virtual void on_change() = 0;
    // An attempt is over. Views of the reply last for the call.
    virtual void on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) = 0;
    virtual void on_failure(UpstreamAttempt& attempt, UpstreamFailure how) = 0;
    // Whether there is something to be sent once there is a connection.
    virtual bool wants_connection() const = 0;

   protected:
    ~Owner() = default;
  };

  UpstreamEndpoint(BackendHub& hub, const BackendSettings& settings, std::size_t index,
                   std::shared_ptr<UpstreamAuthorities> authorities, const UpstreamHeaders& headers,
                   BackendMetrics& metrics, Owner& owner);
  ~UpstreamEndpoint();

  // Connects, to see whether it is there.
  void start();

  // Whether a call may be sent now, if there is a connection for it.
  bool allows() const { return !over_ && !down_ && breaker_.allows(hub_.now()); }
  // Whether one may before long: its breaker waits for the outcome of a probe.
  bool may_accept_soon() const;
  // The connection with the least to do that has room, other than `except`; null where no connection has
  // room.
  UpstreamConnection* connection_with_room(const UpstreamConnection* except = nullptr);
  // One that has room and has answered nothing yet; null likewise.
  UpstreamConnection* fresh_connection();
  // Calls that connections which are not open yet will take.
  std::size_t room_to_come() const;
  // Opens one more, if there may be one more now. Whether it did.
  bool open_one();
  // Whether there will be one more before long, if it is wanted.
  bool may_grow() const;
  std::size_t in_flight() const;

  void send(UpstreamAttempt& attempt, UpstreamConnection& connection, const ActiveCall& call);
  // No client waits for it any more. `unanswered`: for as long as a call may take, nothing came.
  void stop(UpstreamAttempt& attempt, bool unanswered);

  CircuitBreaker::State breaker_state() const { return breaker_.state(hub_.now()); }
  bool down() const { return down_; }
  // Until it may be worth asking again; `kUnknownRetry` where nothing is known.
  milliseconds retry_after() const;
  // New connections look up the name and read the authorities again. Calls in flight finish on their
  // connections.
  void renew();

  // Closes its connections, for good. Not from within what they call.
  void end();

 private:
  static constexpr std::size_t kDialsAtOnce = 16;  // attempts without a response, beside two per connection
  static constexpr std::size_t kCauseBytes = 48;   // of an error text, which tell causes apart in the log
  // Doubled with each probe that fails, up to the interval: what is only starting is back soon.
  static constexpr auto kFirstProbe = milliseconds(100);

  void on_open(UpstreamConnection& connection) override;
  void on_writable(UpstreamConnection&) override { owner_.on_change(); }
  void on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) override;
  void on_failure(UpstreamAttempt& attempt, UpstreamFailure how) override;
  void on_end(UpstreamConnection& connection, UpstreamEnd why, const std::string& what) override;
  void on_deadline(TimePoint now) override;
  void on_breaker_line(bool is_warning, std::string_view text) override;
  void on_breaker_open() override { look_again(); }

  std::size_t call_room() const;
  void look_again();
  void check_later(UpstreamEnd why);
  void drop(UpstreamConnection& connection);
  void go_down(const std::string& what);
  void record_outcome(UpstreamAttempt& attempt, bool success);

  BackendHub& hub_;
  const BackendSettings& settings_;
  const std::size_t index_;
  BackendMetrics& metrics_;
  Owner& owner_;
  UpstreamLog log_;
  UpstreamRoute route_;
  BreakerGuard breaker_;
  DialBudget dials_;
  std::vector<std::shared_ptr<UpstreamConnection>> connections_;
  TimePoint probe_at_;
  unsigned probes_ = 0;                    // without success
  TimePoint grow_at_;                      // no further connection before that
  TimePoint check_at_ = TimePoint::max();  // whether the server is there is looked at then
  TimePoint dial_at_ = TimePoint::max();   // a connection that was wanted may be begun
  bool checking_ = false;                  // the connection that is being made is for that
  bool down_ = false;
  bool logged_down_ = false;  // it was logged
  bool over_ = false;
};

// Whether an error says that the same call may succeed elsewhere, or later.
bool is_retryable(std::int64_t error_code);

}  // namespace sluice::core
