#include "lib/server/engine.hpp"

#include <algorithm>

#include "lib/observe/log.hpp"
#include "lib/server/calls_method.hpp"
#include "lib/server/create.hpp"
#include "lib/server/discover_method.hpp"
#include "lib/server/engine_parts.hpp"
#include "lib/server/event_methods.hpp"
#include "lib/transport/listen/same_address.hpp"

namespace sluice::core {
namespace {

constexpr auto kStuckGrace =
    std::chrono::seconds(1);  // past its call's time limit, before a worker counts as stuck
constexpr auto kStopTime = std::chrono::milliseconds(500);  // for handlers to return after a stop request

}  // namespace

Engine::Engine(Settings settings) : parts_(std::make_unique<EngineParts>(std::move(settings))) {
  parts_->registry.add_builtin(discover_method(parts_->registry));
  parts_->registry.add_builtin(calls_method(*parts_));
  parts_->registry.add_builtin(subscribe_method("rpc.subscribe"));
  parts_->registry.add_builtin(subscribe_method("rpc_subscribe"));
  parts_->registry.add_builtin(publish_method(parts_->events));
}

Engine::~Engine() {
  EngineParts& parts = *parts_;
  parts.admin.clear();
  // Closing the connections requests their handlers to stop.
  if (!parts.close_connections(Clock::now() + kControlTime)) parts.stuck = true;
  parts.stop_listeners(parts.all_listeners(), Clock::now() + kControlTime);
  run_and_wait(parts.hub.io(), Clock::now() + kControlTime, [&parts] { parts.overload.stop(); });
  if (!parts.stuck) parts.stuck = parts.pool.stop(Clock::now() + kStopTime) > 0;
  // A handler that never returns still uses the pool, its method and its call, or blocks its I/O thread: they
  // are not destroyed.
  parts.hub.stop(kStopTime);
  if (parts.stuck) {
    static_cast<void>(parts_.release());
    return;
  }
  for (const auto& part : parts.io) part->thread.stop_and_join();
}

void Engine::add(MethodSpec method) { parts_->registry.add(std::move(method)); }
bool Engine::remove(const std::string& name) { return parts_->registry.remove(name); }

void Engine::start(std::vector<InheritedSocket> inherited, const std::stop_token& stop) {
  EngineParts& parts = *parts_;
  const BackendFiles files = load_backend_files(parts.settings.backends);
  std::vector<std::unique_ptr<ListeningSocket>> sockets;
  for (const auto& socket : inherited) sockets.push_back(ListeningSocket::inherit(socket.descriptor));
  HostLookups names = look_up_names(parts.settings, stop);
  const auto serves = [&names](const ListeningSocket& socket, const ListenSettings& wanted) {
    const auto address = parse_address(wanted.address);
    return address && same_address(socket.address(), *address, names);
  };
  // The configuration decides the protocol of a socket, not the process that opened it.
  std::vector<EngineParts::Open> taken;
  for (const auto& socket : sockets) {
    const auto named = std::ranges::find_if(parts.settings.listeners,
                                            [&](const auto& wanted) { return serves(*socket, wanted); });
    const bool is_named = named != parts.settings.listeners.end();
    if (!is_named) check_unnamed(socket->address(), parts.settings);
    const auto entry = static_cast<std::size_t>(named - parts.settings.listeners.begin());
    taken.push_back({is_named ? *named : ListenSettings{socket->address().to_string()}, nullptr, true,
                     is_named ? entry : entry + taken.size()});
  }
  // All resources that the system can refuse are requested before anything runs.
  std::vector<EngineParts::Open> listeners;
  for (std::size_t i = 0; i < parts.settings.listeners.size(); ++i) {
    const ListenSettings& wanted = parts.settings.listeners[i];
    // If some of a name's addresses were inherited, they replace all of them.
    const bool is_inherited =
        std::ranges::any_of(sockets, [&](const auto& each) { return serves(*each, wanted); });
    if (!is_inherited) parts.open_listeners(parts.settings, i, names, {}, listeners);
  }
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    SharedPolicy policy = policy_of(taken[i].settings, parts.settings.events);
    taken[i].listener = parts.make_listener(std::move(sockets[i]), std::move(policy));
    listeners.push_back(taken[i]);
  }
  parts.listeners = std::move(listeners);
  parts.admin =
      parts.make_admin(parts.settings.admin_address, names, [this] { return health(kHealthWait).reason; });
  parts.descriptors = count_descriptors();
  parts.limit_connections();
  parts.pool.run_on(parts.settings.worker_cpus);
  create("the worker threads", [&parts] { parts.pool.start(); });
  for (const auto& part : parts.io)
    create("the thread " + part->thread.name(), [&] { part->thread.start(); });
  create("the backends' thread", [&parts] { parts.hub.start(); });
  create("the thread that releases memory", [&parts] { parts.memory_release.start(); });
  parts.apply_admission();
  parts.apply_backends(files, stop);
  parts.backends.wait_for_methods(stop);
  for (const auto& open : parts.listeners) parts.start_listener(open.listener);
  parts.ready.store(true, std::memory_order_release);
}

EngineStatus Engine::status() const {
  const EngineParts& parts = *parts_;
  EngineStatus status;
  status.in_flight = parts.admission.in_flight_approx();
  status.in_flight_limit = parts.admission.limit();
  status.connections = parts.connections();
  std::int64_t abandoned = 0;
  for (const auto& shard : parts.metrics.shards()) abandoned += shard->abandoned.get();
  status.abandoned = static_cast<std::size_t>(std::max<std::int64_t>(0, abandoned));
  status.ready = parts.ready.load(std::memory_order_acquire);
  status.draining = parts.admission_pipeline.draining();
  return status;
}

Health Engine::health(milliseconds time_limit) const {
  EngineParts& parts = *parts_;
  const TimePoint until = Clock::now() + time_limit;
  for (const auto& part : parts.io) {
    if (!run_and_wait(part->thread, until, {})) {
      return {false, part->thread.name() + " makes no progress"};
    }
  }
  if (!run_and_wait(parts.hub.io(), until, {})) return {false, "the backends' thread makes no progress"};
  if (parts.pool.all_stuck(Clock::now(), kStuckGrace))
    return {false, "every worker is stuck past its call's time limit"};
  return {};
}

std::vector<std::string> Engine::addresses() const {
  std::vector<std::string> addresses;
  for (const auto& open : parts_->listeners) addresses.push_back(open.listener->address().to_string());
  return addresses;
}

std::string Engine::admin_address() const {
  return parts_->admin.empty() ? "" : parts_->admin.front()->address().to_string();
}

}  // namespace sluice::core
