#include "lib/server/engine_parts.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <variant>

#include "lib/base/hosts_file.hpp"
#include "lib/observe/exposition.hpp"
#include "lib/observe/log.hpp"
#include "lib/server/create.hpp"
#include "lib/server/event_gauges.hpp"
#include "lib/transport/tls/context.hpp"

namespace sluice::core {

namespace {

std::uint64_t random_bits() {
  thread_local std::random_device device;
  static_assert(sizeof(std::random_device::result_type) == 4);
  return std::uint64_t{device()} << 32 | device();
}

std::vector<std::unique_ptr<IoPart>> make_io(EngineParts& parts) {
  std::vector<std::unique_ptr<IoPart>> made;
  const std::size_t count = parts.settings.io_threads;
  for (std::size_t i = 0; i < count; ++i) {
    made.push_back(create("the event loop of io-" + std::to_string(i), [&] {
      return std::make_unique<IoPart>(i, count == 1, parts.settings.limits, parts.pool, parts.metrics,
                                      parts.admission_pipeline, parts.events);
    }));
  }
  return made;
}

BackendHub make_hub(EngineParts& parts) {
  if (parts.io.size() == 1) return BackendHub(parts.io.front()->thread);
  return create("the event loop of the backends' thread", [&parts] {
    return BackendHub(parts.settings.limits, parts.pool, parts.metrics.shard(parts.settings.io_threads));
  });
}

}  // namespace

IoPart::IoPart(std::size_t index, bool only_thread, const Limits& limits, WorkerPool& pool, Metrics& metrics,
               AdmissionPipeline& admission_pipeline, EventHub& hub)
    : thread(index, "io-" + std::to_string(index), limits, pool, metrics.shard(index)),
      calls(thread, admission_pipeline, only_thread),
      events(thread, hub, random_bits),
      sessions(thread, calls, &events.fanout()) {}

EngineParts::EngineParts(Settings initial)
    : settings(resolved(std::move(initial))),
      metrics(settings.io_threads + 1),  // the last one is for the backends' thread, if there is one
      registry(metrics),
      access(settings.clients),
      admission(settings.max_in_flight, settings.io_threads == 1),
      pool(settings.workers, settings.worker_queue, settings.workers_max),
      admission_pipeline(registry, access, admission, pool, metrics),
      connection_limit(settings.max_connections, settings.max_connections_per_peer),
      memory(settings.memory_bytes_max),
      memory_release(memory),
      events(settings.events, random_bits()),
      io(make_io(*this)),
      hub(make_hub(*this)),
      backends(registry, hub),
      overload(hub.io(), admission, pool, metrics, settings.workers) {
  for (const auto& part : io) {
    hosts.push_back(&part->sessions);
    part->sessions.count_memory(memory);
  }
  memory.on_release([this] { memory_release.request(); });
  memory.on_much_held([this] { memory_release.look(); });
  registry.configure(settings.methods);
}

std::shared_ptr<Listener> EngineParts::make_listener(std::unique_ptr<ListeningSocket> socket,
                                                     SharedPolicy policy) {
  const std::string what = "a listener on " + socket->address().to_string();
  return create(what, [&] {
    return std::make_shared<Listener>(std::move(socket), hosts, connection_limit, std::move(policy));
  });
}

void EngineParts::open_listeners(const Settings& all, std::size_t entry, HostLookups& names,
                                 const std::vector<Address>& already, std::vector<Open>& to) {
  const ListenSettings& wanted = all.listeners[entry];
  const SharedPolicy policy = policy_of(wanted, all.events);
  for (auto& socket : ListeningSocket::open_all(wanted, names, already)) {
    to.push_back({wanted, make_listener(std::move(socket), policy), false, entry});
  }
}

namespace {

std::shared_ptr<const TlsContext> load_tls(const ListenSettings& listen) {
  if (!listen.tls) return nullptr;
  auto loaded = TlsContext::load(*listen.tls);
  if (!loaded) throw std::invalid_argument(listen.address + ": " + describe(loaded.error(), *listen.tls));
  return std::move(loaded).value();
}

}  // namespace

SharedPolicy policy_of(const ListenSettings& listen, const EventSettings& events) {
  ListenerPolicy policy;
  policy.http_path = listen.http_path;
  policy.allowed_origins = listen.allowed_origins;
  policy.allowed_hosts = listen.allowed_hosts;
  policy.allowed_headers = listen.allowed_headers;
  policy.subprotocols = listen.subprotocols;
  policy.health_path = listen.health_path;
  policy.events_path = events.http_path;
  policy.proxy_protocol = listen.proxy_protocol;
  const auto address = parse_address(listen.address);
  policy.loopback_names_only = address && address->kind == Address::Kind::tcp && is_local(*address);
  if (policy.loopback_names_only) policy.loopback_names = loopback_names();
  policy.tls = load_tls(listen);
  return std::make_shared<const ListenerPolicy>(std::move(policy));
}

void check_unnamed(const Address& inherited, const Settings& settings) {
  const bool asks_for_tls = std::ranges::any_of(
      settings.listeners, [](const ListenSettings& each) { return each.tls.has_value(); });
  const char* why = nullptr;
  if (!is_local(inherited)) {
    why = "can be reached from other machines";
  } else if (!settings.clients.empty()) {
    why = "needs no credentials, although clients are configured";
  } else if (asks_for_tls) {
    why = "speaks no TLS, although a listener does";
  }
  if (why == nullptr) return;
  throw std::invalid_argument("the inherited socket " + printable(inherited.to_string()) + " " + why +
                              ", and no [[listen]] has its address; add one, or don't pass the socket on");
}

HostLookups look_up_names(const Settings& settings, const std::stop_token& stop) {
  std::vector<std::string> hosts;
  const auto add = [&hosts](const std::string& text) {
    const auto address = parse_address(text);
    if (address && address->kind == Address::Kind::tcp) hosts.push_back(address->host);
  };
  for (const ListenSettings& listen : settings.listeners) add(listen.address);
  add(settings.admin_address);
  return {hosts, Clock::now() + kLookupTime, stop};
}

void EngineParts::start_listener(const std::shared_ptr<Listener>& listener) {
  spdlog::info("listening on {}", listener->address().to_string());
  io.front()->thread.post([listener] { listener->start(); });
}

// Waits, so that the addresses are free on return.
void EngineParts::stop_listeners(std::vector<std::shared_ptr<Listener>> ended, TimePoint until) {
  run_and_wait(io.front()->thread, until, [ended = std::move(ended)] {
    for (const auto& listener : ended) listener->stop();
  });
}

std::vector<std::unique_ptr<AdminServer>> EngineParts::make_admin(
    const std::string& address, HostLookups& names, std::function<std::string()> unhealthy_reason,
    const std::vector<Address>& already) {
  std::vector<std::unique_ptr<AdminServer>> made;
  if (address.empty()) return made;
  ListenSettings listen;
  listen.address = address;
  AdminSources sources;
  sources.metrics = [this] {
    Gauges gauges;
    gauges.in_flight_limit = admission.limit();
    for (std::size_t i = 0; i < pool.active(); ++i) {
      gauges.workers.push_back({pool.queue_depth_approx(i), pool.busy_approx(i)});
    }
    gauges.backends = backends.metrics();
    std::vector<const EventCounts*> threads;
    for (const auto& part : io) threads.push_back(&part->events.counts());
    gauges.events = event_gauges(events, threads);
    return exposition(metrics, gauges);
  };
  sources.unhealthy_reason = std::move(unhealthy_reason);
  sources.ready = [this] { return ready.load(std::memory_order_acquire); };
  for (auto& socket : ListeningSocket::open_all(listen, names, already)) {
    made.push_back(create("the admin server on " + socket->address().to_string(),
                          [&] { return std::make_unique<AdminServer>(std::move(socket), sources); }));
  }
  for (const auto& each : made) spdlog::info("admin on {}", each->address().to_string());
  return made;
}

void EngineParts::on_all(const std::function<void(IoPart&)>& task) {
  for (const auto& part : io) part->thread.post([task, each = part.get()] { task(*each); });
}

// An I/O thread that runs this task has dispatched all calls that it had admitted.
void EngineParts::apply_backends(const BackendFiles& files, const std::stop_token& stop) {
  const auto wait_for_calls = [this] { wait_for_all(Clock::now() + kControlTime, [](IoPart&) {}); };
  backends.apply(settings.backends, files, settings.methods, wait_for_calls, stop);
}

// Reserves descriptors: a dead child must be restarted, and `/healthz` answered, however many clients there
// are.
void EngineParts::limit_connections() {
  const std::size_t max = connections_within(settings, descriptors.limit, descriptors.open);
  connection_limit.set_max(max);
  if (max == settings.max_connections) return;
  spdlog::warn(
      "max_connections is lowered from {} to {}: {} descriptors may be open, and the server and its backends "
      "need the others",
      settings.max_connections, max, descriptors.limit);
}

void EngineParts::apply_admission() {
  admission.set_in_flight_max(settings.max_in_flight);
  admission.use_priorities(std::ranges::any_of(
      settings.methods, [](const auto& each) { return each.second.priority.has_value(); }));
  pool.set_fair(settings.admission.fair);
  hub.set_fair(settings.admission.fair);
  hub.io().post([this, admission_settings = settings.admission, max = settings.max_in_flight] {
    overload.configure(admission_settings, max);
  });
}

std::vector<std::shared_ptr<Listener>> EngineParts::all_listeners() const {
  std::vector<std::shared_ptr<Listener>> all;
  for (const auto& open : listeners) all.push_back(open.listener);
  return all;
}

bool EngineParts::close_connections(TimePoint until) {
  return wait_for_all(until, [](IoPart& part) { part.sessions.close_all(CloseReason::stopped); });
}

bool EngineParts::wait_for_all(TimePoint until, const std::function<void(IoPart&)>& task) {
  bool all = true;
  for (const auto& part : io) {
    all = run_and_wait(part->thread, until, [&part, task] { task(*part); }) && all;
  }
  return all;
}

std::size_t EngineParts::connections() const { return connection_limit.count_approx(); }

}  // namespace sluice::core
