// Reload: how a running engine applies new settings.
#include <algorithm>

#include "lib/observe/log.hpp"
#include "lib/server/engine.hpp"
#include "lib/server/engine_parts.hpp"
#include "lib/transport/listen/same_address.hpp"

namespace sluice::core {

namespace {

using Open = EngineParts::Open;

// Changes of the listeners. Before they are applied, only new sockets have been opened.
struct ListenerChanges {
  std::vector<Open> listeners;  // the listeners after the reload
  std::vector<std::shared_ptr<Listener>> opened;
  std::vector<std::shared_ptr<Listener>> ended;
  std::vector<Open> changed_modes;
  std::vector<std::pair<std::shared_ptr<Listener>, SharedPolicy>> policies;
};

bool contains(const std::vector<Open>& all, const Open& one) {
  return std::ranges::any_of(all, [&](const Open& each) { return each.listener == one.listener; });
}

// The running listeners, except those `taken`, that serve what is wanted. An unchanged entry keeps its
// sockets, even if a name has other addresses by now.
std::vector<Open> serving(const std::vector<Open>& running, const std::vector<Open>& taken,
                          const ListenSettings& wanted, HostLookups& names) {
  const auto address = parse_address(wanted.address);
  const auto unchanged = std::ranges::find_if(running, [&](const Open& open) {
    return open.settings.address == wanted.address && !contains(taken, open);
  });
  std::vector<Open> found;
  for (const Open& open : running) {
    if (contains(taken, open)) continue;
    const bool serves = unchanged != running.end()
                            ? open.entry == unchanged->entry
                            : address && same_address(open.listener->address(), *address, names);
    if (serves) found.push_back(open);
  }
  return found;
}

void keep(Open open, const ListenSettings& wanted, std::size_t entry, const SharedPolicy& policy,
          ListenerChanges& changes) {
  // A new mode applies to the existing file: reopening would find the address in use, by this server.
  if (open.settings.mode != wanted.mode && !open.inherited)
    changes.changed_modes.push_back({wanted, open.listener});
  changes.policies.emplace_back(open.listener, policy);
  open.settings = wanted;
  open.entry = entry;
  changes.listeners.push_back(std::move(open));
}

void change_entry(EngineParts& parts, const Settings& settings, std::size_t entry, HostLookups& names,
                  ListenerChanges& changes) {
  const ListenSettings& wanted = settings.listeners[entry];
  const std::vector<Open> kept = serving(parts.listeners, changes.listeners, wanted, names);
  bool complete = false;
  std::vector<Address> already;
  if (!kept.empty()) {
    const SharedPolicy policy = policy_of(wanted, settings.events);
    for (const Open& open : kept) {
      // If some of a name's addresses were inherited, they replace all of them.
      complete = complete || open.inherited || open.settings.address == wanted.address;
      already.push_back(open.listener->address());
      keep(open, wanted, entry, policy, changes);
    }
  }
  if (complete) return;
  const std::size_t known = changes.listeners.size();
  parts.open_listeners(settings, entry, names, already, changes.listeners);
  for (std::size_t i = known; i < changes.listeners.size(); ++i)
    changes.opened.push_back(changes.listeners[i].listener);
}

ListenerChanges change_listeners(EngineParts& parts, const Settings& settings, HostLookups& names) {
  ListenerChanges changes;
  for (std::size_t i = 0; i < settings.listeners.size(); ++i)
    change_entry(parts, settings, i, names, changes);
  for (const Open& open : parts.listeners) {
    if (contains(changes.listeners, open)) continue;
    if (!open.inherited) {
      changes.ended.push_back(open.listener);
      continue;
    }
    check_unnamed(open.listener->address(), settings);
    const std::size_t entry = settings.listeners.size() + changes.listeners.size();
    changes.listeners.push_back({open.settings, open.listener, true, entry});
  }
  return changes;
}

// Throws std::system_error if a mode can't be changed.
void change_modes(const std::vector<Open>& changed) {
  for (const Open& open : changed) {
    if (!open.listener->change_mode(open.settings.mode)) {
      spdlog::warn("{}: not this server's socket any more", open.listener->address().to_string());
    }
  }
}

// The admin servers after the reload: running ones that serve an address of `wanted`, and new ones for its
// other addresses.
struct AdminChanges {
  std::vector<Address> kept;
  std::vector<std::unique_ptr<AdminServer>> opened;

  void apply(std::vector<std::unique_ptr<AdminServer>>& running) noexcept {
    for (auto& each : running) {
      if (std::ranges::find(kept, each->address()) != kept.end()) opened.push_back(std::move(each));
    }
    running = std::move(opened);
  }
};

AdminChanges change_admin(EngineParts& parts, const std::string& wanted, HostLookups& names,
                          std::function<std::string()> unhealthy_reason) {
  AdminChanges changes;
  const bool unchanged = wanted == parts.settings.admin_address;
  const auto address = parse_address(wanted);
  for (const auto& each : parts.admin) {
    if (unchanged || (address && same_address(each->address(), *address, names)))
      changes.kept.push_back(each->address());
  }
  if (!unchanged) changes.opened = parts.make_admin(wanted, names, std::move(unhealthy_reason), changes.kept);
  changes.opened.reserve(changes.opened.size() + changes.kept.size());  // so that apply() can't fail
  return changes;
}

}  // namespace

void Engine::reload(const Settings& wanted, const std::stop_token& stop) {
  EngineParts& parts = *parts_;
  Settings settings = wanted;
  settings.io_threads = parts.settings.io_threads;
  settings.workers = parts.settings.workers;
  settings.workers_max = parts.settings.workers_max;
  settings.worker_cpus = parts.settings.worker_cpus;
  settings = resolved(std::move(settings));

  HostLookups names = look_up_names(settings, stop);
  // The new listeners first: if one can't be opened, nothing has changed.
  ListenerChanges changes = change_listeners(parts, settings, names);
  auto clients = parts.access.prepare(settings.clients);
  const BackendFiles files = load_backend_files(settings.backends);
  AdminChanges admin =
      change_admin(parts, settings.admin_address, names, [this] { return health(kHealthWait).reason; });
  parts.backends.prepare(settings.backends, files, stop);
  try {
    change_modes(changes.changed_modes);
  } catch (...) {
    parts.backends.discard_prepared();
    throw;
  }
  // From here on no step can fail.
  admin.apply(parts.admin);
  parts.listeners = std::move(changes.listeners);
  parts.settings = settings;
  parts.access.apply(std::move(clients));
  parts.apply_admission();
  parts.pool.set_queue_max(settings.worker_queue);
  parts.limit_connections();
  parts.connection_limit.set_max_per_peer(settings.max_connections_per_peer);
  parts.memory.set_max(settings.memory_bytes_max);
  parts.registry.configure(settings.methods);
  parts.events.apply(settings.events, Clock::now());
  parts.on_all([limits = settings.limits](IoPart& part) {
    part.thread.set_limits(limits);
    part.sessions.renew_rights();
  });
  parts.hub.set_limits(settings.limits);
  // Before backends, which may take a while: new restrictions of listeners apply at once.
  for (const auto& [listener, policy] : changes.policies) listener->set_policy(policy);
  parts.apply_backends(files, stop);
  for (const auto& listener : changes.opened) parts.start_listener(listener);
  for (const auto& listener : changes.ended)
    spdlog::info("no longer listening on {}", listener->address().to_string());
  parts.stop_listeners(std::move(changes.ended), Clock::now() + kControlTime);
}

}  // namespace sluice::core
