// Child backend: methods served by child processes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/backend/child/program_watch.hpp"
#include "lib/backend/child/supervisor.hpp"
#include "lib/call/fair_queue.hpp"
#include "lib/include/sluice/method.hpp"

namespace sluice::core {

// Gives each call to the least loaded of its instances, or keeps it until one is free. What can't be served
// is refused at once rather than kept. Where the program is watched and its files change, instances with the
// new program replace all. The earlier ones end with their last calls. Backends' thread only.
class ChildBackend final : public Backend, private ChildSupervisor::Owner, private ProgramWatch::Owner {
 public:
  // Gets the methods that a process has named. Backends' thread.
  using Discovered = std::function<void(std::string_view openrpc)>;
  // Called when the first start of a process is over; `failure` says why its program does not run, or is
  // empty. Backends' thread.
  using Started = std::function<void(const std::string& failure)>;

  // Times `instances`: earlier instances with calls, at most. Changes of the program wait while there are
  // more.
  static constexpr std::size_t kEarlierMax = 4;

  // `version`: the program_version() at a time before start().
  ChildBackend(BackendHub& hub, BackendSettings settings, std::string version,
               std::shared_ptr<BackendMetrics> metrics, Discovered discovered, Started started = {});

  void start() override;
  void submit(BackendCall& call) override;
  void stop_call(BackendCall& call) override;
  void on_unanswered(BackendCall& call, TimePoint now) override;
  void retire(bool kill) override;
  bool retired() const override;

 private:
  void on_change() override;
  void on_started(const ChildFailure* failure) override;
  void on_unread(BackendCall& call) override;
  void on_discovered(std::string_view document) override;
  void on_done(BackendCall& call, const proto::Reply* reply, const proto::Error* error) override;
  void on_program_changed(std::string_view file) override;

  std::unique_ptr<ChildSupervisor> new_instance(std::size_t index);
  void start_instances();
  void replace_instances();
  void end_earlier();
  void dispatch();
  void assign(BackendCall& call, ChildSupervisor& to);
  ChildSupervisor* pick();
  void start_for_waiting();
  bool hopeless() const;
  void refuse_waiting();
  proto::Error refusal() const;
  void end_if_done();
  void show_breaker();
  ChildSupervisor* instance_of(const BackendCall& call);

  BackendHub& hub_;
  const BackendSettings settings_;
  const std::shared_ptr<BackendMetrics> metrics_;
  const Discovered discovered_;
  StderrLog log_;
  const std::string version_;
  std::unique_ptr<ProgramWatch> watch_;  // null: the program is not watched
  std::vector<std::unique_ptr<ChildSupervisor>> supervisors_;
  std::vector<std::unique_ptr<ChildSupervisor>> earlier_;  // their calls go on, and they get no new ones
  bool changed_ = false;                                   // again, and the instances are to be replaced
  bool ending_earlier_ = false;                            // in end_earlier()
  Started started_;                                        // empty once it was called
  FairQueue<BackendCall, BackendQueueTag> waiting_;
  std::size_t next_ = 0;  // where the search for an instance begins
  std::size_t calls_ = 0;
  bool dispatching_ = false;
  bool retiring_ = false;
};

}  // namespace sluice::core
