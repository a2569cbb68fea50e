// What an engine is made of, and what is done to several of its parts at once.
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

inline constexpr auto kHealthPatience = std::chrono::seconds(1);  // for one to show that it is alive

// What one I/O thread is made of, in the order of its making.
struct IoPart {
  IoPart(std::size_t index, bool only_thread, const Limits& limits, WorkerPool& pool, Metrics& metrics,
         AdmissionPipeline& admission_pipeline)
      : thread(index, "io-" + std::to_string(index), limits, pool, metrics.shard(index)),
        calls(thread, admission_pipeline, only_thread),
        sessions(thread, calls) {}

  IoThread thread;
  CallExecutor calls;
  SessionHost sessions;
};

// Made in the order of its members, destroyed in the reverse. Everything here is for the engine's controlling
// thread, but for what the parts themselves allow to others.
struct EngineParts {
  explicit EngineParts(Settings initial);

  std::shared_ptr<Listener> make_listener(std::unique_ptr<ListeningSocket> socket, SharedPolicy policy);
  void start_listener(const std::shared_ptr<Listener>& listener);
  void stop_listeners(std::vector<std::shared_ptr<Listener>> ended, TimePoint until);
  // One for each address of the host that is not served `already`; none where `address` is empty.
  std::vector<std::unique_ptr<AdminServer>> make_admin(const std::string& address, HostLookups& names,
                                                       std::function<std::string()> unhealthy_reason,
                                                       const std::vector<Address>& already = {});
  // Has all I/O threads do something, soon.
  void on_all(const std::function<void(IoPart&)>& task);
  // The same, and waits until they have. False if one did not come to it in time.
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
  Descriptors descriptors;  // at the start, before connections and backends took any
  MemoryBudget memory;
  MemoryRelease memory_release;
  std::vector<std::unique_ptr<IoPart>> io;
  std::vector<SessionHost*> hosts;
  BackendHub hub;  // ends before the I/O threads do, to which it gives calls back
  Backends backends;
  OverloadControl overload;  // on the hub's thread
  struct Open {
    ListenSettings settings;
    std::shared_ptr<Listener> listener;
    bool inherited = false;
    std::size_t entry = 0;  // the same for all addresses of one [[listen]] entry
  };
  // Opens what the entry asks for, but what is served `already`.
  void open_listeners(const ListenSettings& wanted, std::size_t entry, HostLookups& names,
                      const std::vector<Address>& already, std::vector<Open>& to);

  std::vector<Open> listeners;
  std::vector<std::unique_ptr<AdminServer>> admin;
  std::atomic<bool> ready{false};
  bool stuck = false;  // a worker is in a handler that does not return
};

// What a listener's settings mean for its connections; reads its certificate, if it has one. Throws
// std::invalid_argument that names the file and what is wrong with it.
SharedPolicy policy_of(const ListenSettings& listen);

// Throws std::invalid_argument for an inherited socket that no listener's settings name, and of which it is
// so not known what may be spoken there: only what this machine alone can reach is served, and only where
// nothing asks for TLS or clients.
void check_unnamed(const Address& inherited, const Settings& settings);

// Looks up at once all names that `settings` listen on.
HostLookups look_up_names(const Settings& settings, const std::stop_token& stop);

}  // namespace sluice::core
