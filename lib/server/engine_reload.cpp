// How a running engine takes over new settings.
#include <algorithm>

#include "lib/observe/log.hpp"
#include "lib/server/engine.hpp"
#include "lib/server/engine_parts.hpp"
#include "lib/transport/same_address.hpp"

namespace sluice::core {

void Engine::reload(const Settings& wanted, const std::stop_token& stop) {
  EngineParts& parts = *parts_;
  Settings settings = wanted;
  settings.io_threads = parts.settings.io_threads;
  settings.workers = parts.settings.workers;
  settings.workers_max = parts.settings.workers_max;
  settings.worker_cpus = parts.settings.worker_cpus;
  settings = resolved(std::move(settings));

  HostLookups names = look_up_names(settings, stop);
  // The new listeners first: if one can't be had, nothing has changed.
  std::vector<EngineParts::Open> listeners;
  std::vector<std::shared_ptr<Listener>> opened;
  std::vector<std::shared_ptr<Listener>> ended;
  std::vector<EngineParts::Open> changed_modes;
  std::vector<std::pair<std::shared_ptr<Listener>, SharedPolicy>> policies;
  for (const ListenSettings& listen : settings.listeners) {
    const auto same = std::ranges::find_if(parts.listeners, [&](const EngineParts::Open& open) {
      const bool taken =
          std::ranges::any_of(listeners, [&](const auto& each) { return each.listener == open.listener; });
      if (taken || open.settings.address == listen.address) return !taken;
      const auto address = parse_address(listen.address);
      return address && same_address(open.listener->address(), *address, names);
    });
    if (same != parts.listeners.end()) {
      // A new mode is for the file that is there; reopening would find the address taken, by this server.
      if (same->settings.mode != listen.mode && !same->inherited)
        changed_modes.push_back({listen, same->listener});
      policies.emplace_back(same->listener, policy_of(listen));
      listeners.push_back(*same);
      listeners.back().settings = listen;
      continue;
    }
    SharedPolicy policy = policy_of(listen);
    listeners.push_back(
        {listen, parts.make_listener(ListeningSocket::open(listen, names), std::move(policy)), false});
    opened.push_back(listeners.back().listener);
  }
  for (const EngineParts::Open& open : parts.listeners) {
    const bool kept =
        std::ranges::any_of(listeners, [&](const auto& each) { return each.listener == open.listener; });
    if (kept) continue;
    if (!open.inherited) {
      ended.push_back(open.listener);
      continue;
    }
    check_unnamed(open.listener->address(), settings);
    listeners.push_back(open);
  }

  auto clients = parts.access.prepare(settings.clients);
  const BackendFiles files = load_backend_files(settings.backends);
  const bool admin_moves = settings.admin_address != parts.settings.admin_address;
  std::unique_ptr<AdminServer> admin;
  if (admin_moves) {
    admin =
        parts.make_admin(settings.admin_address, names, [this] { return health(kHealthPatience).reason; });
  }
  parts.backends.prepare(settings.backends, files, stop);
  for (const EngineParts::Open& open : changed_modes) {
    if (!open.listener->change_mode(open.settings.mode)) {
      spdlog::warn("{}: not this server's socket any more", open.listener->address().to_string());
    }
  }
  // From here on nothing can fail.
  if (admin_moves) parts.admin = std::move(admin);
  parts.listeners = std::move(listeners);
  parts.settings = settings;
  parts.access.apply(std::move(clients));
  parts.apply_admission();
  parts.pool.set_queue_max(settings.worker_queue);
  parts.limit_connections();
  parts.connection_limit.set_max_per_peer(settings.max_connections_per_peer);
  parts.memory.set_max(settings.memory_bytes_max);
  parts.registry.configure(settings.methods);
  parts.on_all([limits = settings.limits](IoPart& part) { part.thread.limits = limits; });
  parts.hub.set_limits(settings.limits);
  // Before backends, which may take a while: what a listener no longer allows is refused from now on.
  for (const auto& [listener, policy] : policies) listener->set_policy(policy);
  parts.apply_backends(files, stop);
  for (const auto& listener : opened) parts.start_listener(listener);
  for (const auto& listener : ended)
    spdlog::info("no longer listening on {}", listener->address().to_string());
  parts.stop_listeners(std::move(ended));
}

}  // namespace sluice::core
