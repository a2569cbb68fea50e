// Child supervisor: one instance of a backend, with its process and the next one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "lib/backend/backend_hub.hpp"
#include "lib/backend/breaker_guard.hpp"
#include "lib/backend/child/process.hpp"
#include "lib/backend/child/restart_policy.hpp"
#include "lib/backend/child/start.hpp"
#include "lib/backend/child/stderr_log.hpp"

namespace sluice::core {

// Starts and restarts the process, and decides whether calls may be sent to it. Backends' thread only.
class ChildSupervisor final : private ChildStart::Owner,
                              private ChildProcess::Owner,
                              private BreakerGuard::Callbacks,
                              private Deadline {
 public:
  class Owner {
   public:
    // Calls may have become possible, or impossible.
    virtual void on_change() = 0;
    // The answer to rpc.discover.
    virtual void on_discovered(std::string_view document) = 0;
    // A start is over: its program runs, or `failure` says why not.
    virtual void on_started(const ChildFailure* failure) = 0;
    // The process exited with 0 without having read this call: another process may serve it.
    virtual void on_unread(BackendCall& call) = 0;
    // A call has ended. With an error, the process has ended as well.
    virtual void on_done(BackendCall& call, const proto::Reply* reply, const proto::Error* error) = 0;

   protected:
    ~Owner() = default;
  };

  // `discover`: asks each process for its methods.
  ChildSupervisor(BackendHub& hub, const BackendSettings& settings, std::size_t index, bool discover,
                  BackendMetrics& metrics, StderrLog& log, Owner& owner);
  ~ChildSupervisor();

  // Begins to start the process if it does not run and may be started now.
  void start();

  // True if a call can be sent now.
  bool takes_call() const;
  // True if a call can be sent soon: the process is busy, or its breaker waits for the outcome of a trial
  // call.
  bool will_take_call() const;
  bool running() const { return process_ != nullptr && !process_->ending(); }
  bool starting() const { return starting_ != nullptr; }
  bool may_start() const;
  std::size_t in_flight() const { return process_ ? process_->in_flight() : 0; }
  // Throws std::bad_alloc where nothing has been done.
  void send(BackendCall& call);

  // True if this instance has the call.
  bool owns(const BackendCall& call) const { return process_ && process_.get() == call.channel; }
  // No client waits for the call any more.
  void stop_call(BackendCall& call);
  // A call has not ended kill_after past its time limit, or past the moment at which it was given up.
  void on_hanging(BackendCall& call);

  // The reason why no call is taken, and the time until one may be.
  CircuitBreaker::State breaker_state() const { return breaker_.state(hub_.now()); }
  milliseconds retry_after() const;

  // Another instance replaces it: it gets no more calls, and is not started again. Its metrics are the
  // other's.
  void replace();
  // Whether it has ever begun to start a process.
  bool was_started() const { return started_; }
  // Ends the process, for good.
  void end(bool kill);
  bool ended() const { return over_ && process_ == nullptr && starting_ == nullptr; }

 private:
  static constexpr auto kDiscoverTime = seconds(30);  // for a process to name its methods
  static constexpr auto kEndGrace = seconds(2);       // from the end of stdin to SIGKILL; SIGTERM at 1/4

  void on_begun(SpawnedChild process) override;
  void on_failed(const ChildFailure& failure) override;
  void on_late() override;
  void on_reply(ChildProcess& process, BackendCall& call, const proto::Reply& reply) override;
  void on_oversize_reply(ChildProcess& process, BackendCall& call) override;
  void on_bad_reply(ChildProcess& process, BackendCall& call) override;
  void on_answer(ChildProcess& process, std::string_view result) override;
  void on_writable(ChildProcess&) override { owner_.on_change(); }
  void on_end(ChildProcess& process, const ChildEnd& end) override;
  void on_deadline(TimePoint now) override;
  void on_breaker_line(bool is_warning, std::string_view text) override;
  void on_breaker_open() override { await_next(); }

  bool launch(SpawnedChild process);
  void return_unread(ChildProcess& process);
  // Whether its process may have calls of several clients.
  bool shared() const { return settings_.child->concurrency > 1; }
  const char* fault(const BackendCall& call) const;
  void await_next();
  void rest(std::chrono::nanoseconds lived);
  void record_success(BackendCall& call);
  void record_failure(BackendCall& call);

  BackendHub& hub_;
  const BackendSettings& settings_;
  const std::size_t index_;
  const std::string label_;
  const bool discover_;
  BackendMetrics& metrics_;
  StderrLog& log_;
  Owner& owner_;
  BreakerGuard breaker_;
  RestartPolicy restarts_;
  std::unique_ptr<ChildStart> starting_;
  std::shared_ptr<ChildProcess> process_;
  TimePoint start_at_;     // not before
  bool started_ = false;   // ever
  bool served_ = false;    // the present process has answered calls
  bool killed_ = false;    // by this server, for hanging
  bool recycled_ = false;  // the previous process exited with 0 by itself
  bool discovering_ = false;
  bool replaced_ = false;
  bool over_ = false;
};

}  // namespace sluice::core
