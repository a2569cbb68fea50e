// Methods served by other JSON-RPC servers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/access/method_patterns.hpp"
#include "lib/backend/upstream_endpoint.hpp"
#include "lib/base/backoff.hpp"
#include "lib/base/retry_budget.hpp"

namespace sluice::core {

// A call from its arrival to its end. Between attempts it waits in the queue, or for its deadline (the hook
// and the deadline of its BackendCall).
struct UpstreamCall {
  explicit UpstreamCall(BackendCall& of) : call(of) {}

  BackendCall& call;
  std::array<UpstreamAttempt, 2> attempts;   // the second: a hedge
  std::size_t tries = 0;                     // that may have run
  const UpstreamEndpoint* failed = nullptr;  // where the last one failed
  bool backing_off = false;                  // its deadline is when it is tried again
};

// Sends each call to the least loaded URL that is healthy, or keeps it until a connection can take it; asks
// again where a call has failed and may run twice; refuses at once what nobody can serve. Backends' thread
// only.
class UpstreamBackend final : public Backend, private UpstreamEndpoint::Owner, private TurnEnd {
 public:
  UpstreamBackend(BackendHub& hub, BackendSettings settings, std::shared_ptr<BackendMetrics> metrics);

  void start() override;
  void submit(BackendCall& call) override;
  void stop_call(BackendCall& call) override;
  void on_overdue(BackendCall& call, TimePoint now) override;
  void retire(bool kill) override;
  bool retired() const override { return retiring_ && ended_; }

 private:
  void on_change() override { hub_.io().at_turn_end(*this); }
  void on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) override;
  void on_failure(UpstreamAttempt& attempt, UpstreamFailure how) override;
  void on_turn_end() override;

  void dispatch();
  bool place(UpstreamCall& call);
  void open_for_waiting();
  bool hopeless() const;
  void refuse_waiting();
  proto::Error refusal() const;
  milliseconds retry_after() const;
  void wait(UpstreamCall& call);
  void send(UpstreamCall& call, UpstreamAttempt& attempt, UpstreamConnection& connection,
            UpstreamEndpoint& endpoint);
  bool may_retry(UpstreamCall& call);
  void finish(UpstreamCall& call, const proto::Reply* reply, const proto::Error* error);
  void show_breaker();
  UpstreamCall* find(const BackendCall& call);

  BackendHub& hub_;
  const BackendSettings settings_;
  const std::shared_ptr<BackendMetrics> metrics_;
  const MethodPatterns retried_;
  const Backoff backoff_;
  RetryBudget budget_;
  ChildLog log_;
  std::vector<std::unique_ptr<UpstreamEndpoint>> endpoints_;
  std::unordered_map<std::uint64_t, UpstreamCall> calls_;  // by their BackendCall's serial number
  IntrusiveList<BackendCall, BackendQueueTag> waiting_;
  std::size_t turn_ = 0;  // where the search for a URL begins
  bool retiring_ = false;
  bool ended_ = false;
};

}  // namespace sluice::core
