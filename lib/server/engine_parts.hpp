// Engine parts: the parts of an engine, and operations on several of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/access/access.hpp"
#include "lib/admission/admission.hpp"
#include "lib/base/memory_budget.hpp"
#include "lib/events/event_fanout_task.hpp"
#include "lib/events/event_hub.hpp"
#include "lib/observe/metrics.hpp"
#include "lib/rpc/admission_pipeline.hpp"
#include "lib/rpc/call_executor.hpp"
#include "lib/rpc/registry.hpp"
#include "lib/server/admin_server.hpp"
#include "lib/server/backends.hpp"
#include "lib/server/descriptor_budget.hpp"
#include "lib/server/memory_release.hpp"
#include "lib/server/overload_control.hpp"
#include "lib/server/settings.hpp"
#include "lib/transport/listen/listener.hpp"
#include "lib/transport/session_host.hpp"
#include "lib/worker/io_thread.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {

inline constexpr auto kHealthWait = std::chrono::seconds(1);  // for an I/O thread to respond

// Parts of one I/O thread, in the order of construction.
struct IoPart {
  IoPart(std::size_t index, bool only_thread, const Limits& limits, WorkerPool& pool, Metrics& metrics,
         AdmissionPipeline& admission_pipeline, EventHub& hub);

  IoThread thread;
  CallExecutor calls;
  EventFanoutTask events;
  SessionHost sessions;
};

// Constructed in the order of its members, destroyed in the reverse. Only the engine's controlling thread
// uses this, except what the parts themselves allow to other threads.
struct EngineParts {
  explicit EngineParts(Settings initial);

  std::shared_ptr<Listener> make_listener(std::unique_ptr<ListeningSocket> socket, SharedPolicy policy);
  void start_listener(const std::shared_ptr<Listener>& listener);
  void stop_listeners(std::vector<std::shared_ptr<Listener>> ended, TimePoint until);
  // One server for each address of the host that is not served `already`; none if `address` is empty.
  std::vector<std::unique_ptr<AdminServer>> make_admin(const std::string& address, HostLookups& names,
                                                       std::function<std::string()> unhealthy_reason,
                                                       const std::vector<Address>& already = {});
  // Runs a task on all I/O threads, soon.
  void on_all(const std::function<void(IoPart&)>& task);
  // Runs a task on all I/O threads and waits for its end. False if a thread did not run it in time.
  bool wait_for_all(TimePoint until, const std::function<void(IoPart&)>& task);
  bool close_connections(TimePoint until);
  void apply_backends(const BackendFiles& files, const std::stop_token& stop);
  void apply_admission();
  void limit_connections();
  std::vector<std::shared_ptr<Listener>> all_listeners() const;
  std::size_t connections() const;

  Settings settings;
  Metrics metrics;
  Registry registry;
  Access access;
  Admission admission;
  WorkerPool pool;
  AdmissionPipeline admission_pipeline;
  ConnectionLimit connection_limit;
  Descriptors descriptors;  // at the start, before connections and backends
  MemoryBudget memory;
  MemoryRelease memory_release;
  EventHub events;  // before the I/O threads, whose mailboxes it has
  std::vector<std::unique_ptr<IoPart>> io;
  std::vector<SessionHost*> hosts;
  BackendHub hub;  // ends before the I/O threads, to which it completes calls
  Backends backends;
  OverloadControl overload;  // runs on the hub's thread
  struct Open {
    ListenSettings settings;
    std::shared_ptr<Listener> listener;
    bool inherited = false;
    std::size_t entry = 0;  // the same for all addresses of one [[listen]] entry
  };
  // Opens the addresses of that entry of `all`'s listeners, except those served `already`.
  void open_listeners(const Settings& all, std::size_t entry, HostLookups& names,
                      const std::vector<Address>& already, std::vector<Open>& to);

  std::vector<Open> listeners;
  std::vector<std::unique_ptr<AdminServer>> admin;
  std::atomic<bool> ready{false};
  bool stuck = false;  // a worker is in a handler that does not return
};

// The policy of a listener's settings; reads its certificate, if it has one. Throws std::invalid_argument
// that names the file and the problem.
SharedPolicy policy_of(const ListenSettings& listen, const EventSettings& events);

// Checks an inherited socket that matches no listener's settings, so that its protocol is not configured. It
// is served only if it is reachable from this machine alone, and if neither TLS nor clients are configured.
// Otherwise throws std::invalid_argument.
void check_unnamed(const Address& inherited, const Settings& settings);

// Looks up all names that `settings` listen on, in parallel.
HostLookups look_up_names(const Settings& settings, const std::stop_token& stop);

}  // namespace sluice::core
