// Upstream backend: methods served by other JSON-RPC servers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "lib/backend/upstream/balancer.hpp"
#include "lib/backend/upstream/call.hpp"
#include "lib/backend/upstream/discovery.hpp"
#include "lib/backend/upstream/hedges.hpp"
#include "lib/backend/upstream/retry_policy.hpp"
#include "lib/call/fair_queue.hpp"

namespace sluice::core {

// Sends each call to the least loaded endpoint that is healthy, or keeps it until a connection can take it.
// Sends a call again where it has failed, or is slow, and may run twice. Refuses at once what no endpoint can
// serve. Backends' thread only.
class UpstreamBackend final : public Backend, private UpstreamEndpoint::Owner, private DeferredTask {
 public:
  // What is in the files that the settings name.
  struct Files {
    std::string authorities;  // PEM text; empty: the system's
    UpstreamHeaders headers;
  };
  UpstreamBackend(BackendHub& hub, BackendSettings settings, Files files,
                  std::shared_ptr<BackendMetrics> metrics, UpstreamDiscovery::Discovered discovered);

  void start() override;
  void submit(BackendCall& call) override;
  void stop_call(BackendCall& call) override;
  void on_unanswered(BackendCall& call, TimePoint now) override;
  void retire(bool kill) override;
  void renew() override;
  bool retired() const override { return retiring_ && ended_; }

 private:
  void on_change() override { hub_.io().defer(*this); }
  void on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) override;
  void on_failure(UpstreamAttempt& attempt, UpstreamFailure how) override;
  bool wants_connection() const override { return !waiting_.empty() || !unread_.empty() || discovery_.due(); }
  void on_deferred() override;

  // A server that closes connections just as calls are sent does so again at most this often for one call.
  static constexpr std::size_t kUnreadMax = 2;

  using Target = Balancer<UpstreamEndpoint>::Target;

  void dispatch();
  void assign_waiting();
  void assign_unread();
  void hedge(UpstreamCall& call);
  void discover();
  std::size_t waiting_calls();
  void refuse_waiting();
  proto::Error refusal() const;
  void leave_lists(UpstreamCall& call);
  void wait(UpstreamCall& call);
  void wait_again(UpstreamCall& call);
  void wait_for_fresh(UpstreamCall& call);
  void start_try(UpstreamCall& call, const Target& target);
  void send(UpstreamCall& call, UpstreamAttempt& attempt, const Target& target);
  void hedge_later(UpstreamCall& call);
  bool retry_later(UpstreamCall& call, milliseconds asked);
  void finish(UpstreamCall& call, const proto::Reply* reply, const proto::Error* error);
  void show_breaker();
  UpstreamCall* find(const BackendCall& call);

  BackendHub& hub_;
  const BackendSettings settings_;
  const std::shared_ptr<BackendMetrics> metrics_;
  UpstreamRetryPolicy retries_;
  UpstreamHedges hedges_;
  UpstreamDiscovery discovery_;
  const UpstreamHeaders headers_;
  const std::shared_ptr<UpstreamAuthorities> authorities_;
  Balancer<UpstreamEndpoint> balancer_;
  std::unordered_map<std::uint64_t, UpstreamCall> calls_;  // by their BackendCall's serial number
  FairQueue<BackendCall, BackendQueueTag> waiting_;
  IntrusiveList<BackendCall, BackendQueueTag> unread_;    // for a connection that has served nothing yet
  IntrusiveList<BackendCall, BackendQueueTag> to_hedge_;  // for a connection to do it over
  bool retiring_ = false;
  bool ended_ = false;
};

}  // namespace sluice::core
