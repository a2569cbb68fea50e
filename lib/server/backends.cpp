#include "lib/server/backends.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "lib/backend/child/backend.hpp"
#include "lib/backend/discovered_methods.hpp"
#include "lib/backend/find_program.hpp"
#include "lib/backend/spawn.hpp"
#include "lib/backend/upstream/backend.hpp"
#include "lib/observe/log.hpp"

namespace sluice::core {
namespace {

MethodSpec spec_of(std::string name, const std::shared_ptr<AsyncHandler>& handler) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = HandlerKind::async;
  spec.async = handler;
  return spec;
}

struct Extent {
  std::size_t instances;  // or URLs
  std::size_t calls_max;  // that all of them run at once
};

Extent extent_of(const BackendSettings& settings) {
  if (settings.child) {
    return {settings.child->instances, settings.child->instances * settings.child->concurrency};
  }
  const UpstreamSettings& upstream = *settings.upstream;
  std::size_t calls = 0;
  for (const std::string& text : upstream.urls) {
    const auto url = parse_upstream_url(text);
    const bool one_each = url && url->kind == UpstreamUrl::Kind::http;
    calls += upstream.connections * (one_each ? 1 : upstream.concurrency);
  }
  return {upstream.urls.size(), calls};
}

std::string authorities_of(const BackendSettings& settings, const BackendFiles& files) {
  const bool named = settings.upstream && !settings.upstream->ca.empty();
  return named ? files.authorities.at(settings.upstream->ca) : std::string();
}

UpstreamHeaders headers_of(const BackendSettings& settings, const BackendFiles& files) {
  const auto found = files.headers.find(settings.name);
  return found == files.headers.end() ? UpstreamHeaders() : found->second;
}

bool is_up(const BackendMetrics& metrics) {
  return std::ranges::any_of(metrics.up, [](const auto& each) { return each.load(); });
}

std::string program_of(const BackendSettings& settings, const BackendFiles& files) {
  return settings.child ? files.programs.at(settings.name) : std::string();
}

// Whether `found` for the name is a method of its own, not a prefix or a name under one.
bool is_method(const Method* found, std::string_view name) {
  return found != nullptr && found->spec().name == name && !found->is_known_name();
}

constexpr auto kFirstStartWait = std::chrono::seconds(1);  // for all backends at the server's start
constexpr auto kStartWait = std::chrono::seconds(5);       // for the processes of a reload to begin
constexpr auto kAliveTime = milliseconds(250);             // for which a replacement's process must live
constexpr auto kDiscoverWait = std::chrono::seconds(5);    // for all backends, at a start or a reload
constexpr auto kDiscoverLook = milliseconds(2);

}  // namespace

Backends::Open Backends::open(const BackendSettings& settings, const BackendFiles& files) {
  if (!settings.module.empty()) return open_module(settings, files);
  Open made;
  made.settings = settings;
  made.id = hub_.new_id();
  const Extent extent = extent_of(settings);
  made.metrics = std::make_shared<BackendMetrics>(settings.name, extent.instances, extent.calls_max);
  made.handler =
      std::make_shared<BackendHandler>(hub_, made.id, made.metrics, extent.calls_max + settings.queue);
  made.current = std::make_shared<std::atomic<bool>>(true);
  made.authorities = authorities_of(settings, files);
  made.headers = headers_of(settings, files);
  bool replaces = false;  // replaces a working one
  for (const Open& each : open_) {
    if (each.settings.name != settings.name) continue;
    made.predecessor = each.owner();
    replaces = !each.metrics || is_up(*each.metrics);
  }
  made.program = program_of(settings, files);
  made.gate = std::make_shared<DiscoveryGate>(on_discovered(made));
  ChildBackend::Started started;
  // A replacement of a working backend must show that it works, even if it would start at its first call.
  if (settings.child && (!settings.child->lazy || replaces)) {
    const auto outcome = std::make_shared<std::promise<std::string>>();
    made.started = outcome->get_future().share();
    started = [outcome](const std::string& failure) { outcome->set_value(failure); };
  }
  made.answered = std::make_shared<std::atomic<bool>>(false);
  const auto discovered = [gate = made.gate, answered = made.answered](std::string_view document) {
    gate->take(document);
    answered->store(true);
  };
  hub_.add(made.id, [made, discovered, started](BackendHub& hub) -> std::unique_ptr<Backend> {
    if (made.settings.upstream) {
      return std::make_unique<UpstreamBackend>(hub, made.settings,
                                               UpstreamBackend::Files{made.authorities, made.headers},
                                               made.metrics, discovered);
    }
    return std::make_unique<ChildBackend>(hub, made.settings, made.program, made.metrics, discovered,
                                          started);
  });
  return made;
}

void Backends::prepare(const std::vector<BackendSettings>& wanted, const BackendFiles& files,
                       const std::stop_token& stop) {
  discard_prepared();
  for (const BackendSettings& settings : wanted) {
    if (unchanged(settings, files) == nullptr) prepared_.push_back(open(settings, files));
  }
  const TimePoint until = Clock::now() + kStartWait;
  for (const Open& each : prepared_) refuse_unless_empty(each, why_not_started(each, until, stop));
  const TimePoint alive_at = Clock::now() + kAliveTime;
  const TimePoint methods_by = Clock::now() + kDiscoverWait;
  for (Open& each : prepared_) each.methods_by = methods_by;
  for (const Open& each : prepared_) {
    const TimePoint limit = each.settings.discover ? methods_by : alive_at;
    refuse_unless_empty(each, why_not_alive(each, limit, stop));
  }
}

void Backends::refuse_unless_empty(const Open& backend, const std::string& why) {
  if (why.empty()) return;
  const std::string name = backend.settings.name;
  discard_prepared();
  throw std::invalid_argument("backend " + name + ": its process could not be started: " + printable(why));
}

std::string Backends::why_not_started(const Open& backend, TimePoint until, const std::stop_token& stop) {
  if (!backend.settings.child) return {};
  if (!backend.started.valid()) {
    // Its first call starts it: only checks without a process are possible.
    const auto checked = check_start(*backend.settings.child);
    return checked ? std::string() : checked.error().what;
  }
  while (backend.started.wait_for(kDiscoverLook) != std::future_status::ready) {
    if (stop.stop_requested()) return "the server is about to stop";
    if (Clock::now() >= until) return "its program has not begun to run in time";
  }
  return backend.started.get();
}

std::string Backends::why_not_alive(const Open& backend, TimePoint until, const std::stop_token& stop) {
  if (!backend.started.valid() || backend.predecessor == nullptr) return {};
  // A process that has ended may have been restarted by now.
  const auto runs = [&] { return backend.metrics->restarts.load() == 0 && is_up(*backend.metrics); };
  while (!backend.answered->load()) {
    if (stop.stop_requested()) return "the server is about to stop";
    if (!runs()) return "it has ended at once; the log says how";
    if (Clock::now() >= until) break;
    std::this_thread::sleep_for(kDiscoverLook);
  }
  return {};
}

void Backends::discard_prepared() {
  for (const Open& each : prepared_) {
    each.current->store(false);
    if (each.handler) hub_.retire(each.id);
  }
  prepared_.clear();
}

Backends::Open Backends::take_prepared(const BackendSettings& settings, const BackendFiles& files) {
  const auto found = std::ranges::find(prepared_, settings, &Open::settings);
  Open taken = found == prepared_.end() ? open(settings, files) : *found;
  if (found != prepared_.end()) prepared_.erase(found);
  if (taken.gate) hub_.io().post([gate = taken.gate] { gate->open(); });
  return taken;
}

Backends::Open Backends::open_module(const BackendSettings& settings, const BackendFiles& files) {
  Open made;
  made.settings = settings;
  made.id = hub_.new_id();
  made.current = std::make_shared<std::atomic<bool>>(true);
  made.module = files.modules.at(settings.module);
  spdlog::info("backend {}: {} methods out of {}", settings.name, made.module.methods.size(),
               settings.module);
  return made;
}

BackendFiles load_backend_files(const std::vector<BackendSettings>& backends) {
  BackendFiles files;
  for (const BackendSettings& backend : backends) {
    const auto refuse = [&backend](const std::string& key, const std::string& file, const std::string& what) {
      throw std::invalid_argument("backend " + backend.name + ": " + key + " " + printable(file) + " " +
                                  what);
    };
    if (!backend.module.empty()) {
      auto loaded = load_module(backend.module);
      if (!loaded) refuse("module", backend.module, loaded.error().what);
      files.modules[backend.module] = std::move(loaded).value();
    }
    if (backend.upstream && !backend.upstream->ca.empty()) {
      auto read = read_authorities(backend.upstream->ca);
      if (!read) refuse("ca", backend.upstream->ca, read.error().what);
      files.authorities[backend.upstream->ca] = std::move(read).value();
    }
    if (backend.child) files.programs[backend.name] = program_version(*backend.child);
    if (backend.upstream) {
      auto read = read_upstream_headers(*backend.upstream);
      if (!read) refuse(read.error().key, read.error().file, read.error().what);
      files.headers[backend.name] = std::move(read).value();
    }
  }
  return files;
}

// Runs on the backends' thread, at any later time, even after the configuration has changed.
std::function<void(std::string_view)> Backends::on_discovered(const Open& backend) {
  const auto& upstream = backend.settings.upstream;
  return [this, name = backend.settings.name, prefix = upstream ? upstream->strip_prefix : "",
          handler = backend.handler, metrics = backend.metrics, predecessor = backend.predecessor,
          current = backend.current](std::string_view document) {
    std::vector<MethodSpec> methods = read_openrpc(document);
    spdlog::info("backend {}: serves {} methods", name, methods.size());
    std::string first_taken;
    std::size_t taken_count = 0;
    for (MethodSpec& method : methods) {
      method.name.insert(0, prefix);
      const auto there = registry_.find(method.name);
      const bool taken = is_method(there.get(), method.name) && there->owner() != handler.get() &&
                         there->owner() != predecessor.get();
      if (taken) {
        if (taken_count++ == 0) first_taken = method.name;
        continue;
      }
      method.kind = HandlerKind::async;
      method.async = handler;
      if (current->load()) registry_.add(std::move(method), handler.get());
    }
    // One line, however many there are: a restarted backend is asked again.
    if (taken_count == 1) {
      spdlog::warn("backend {}: another backend serves {} already", name, printable(first_taken));
    } else if (taken_count > 1) {
      spdlog::warn("backend {}: other backends serve {} and {} more already", name, printable(first_taken),
                   taken_count - 1);
    }
    // Either this thread sees that the backend was replaced, or the replacing thread sees these methods and
    // removes them.
    if (!current->load()) registry_.remove_all_of(handler.get());
    metrics->discovered.store(true);
  };
}

// Methods with settings of their own become methods of their own.
void Backends::publish(const Open& backend, const std::map<std::string, MethodSettings>& methods) {
  const void* const owner = backend.owner().get();
  for (const MethodSpec& method : backend.module.methods) registry_.add(method, owner);
  for (const std::string& pattern : backend.settings.methods) {
    if (!pattern.ends_with('*')) {
      const auto there = registry_.find(pattern);
      if (is_method(there.get(), pattern) && there->owner() == owner) continue;
      registry_.add(spec_of(pattern, backend.handler), owner);
      continue;
    }
    registry_.add_route(spec_of(pattern, backend.handler), owner);
    const std::string_view prefix = std::string_view(pattern).substr(0, pattern.size() - 1);
    for (const auto& [name, settings] : methods) {
      if (!name.starts_with(prefix) || name == pattern || name.starts_with("rpc.") || name.starts_with("$/"))
        continue;
      const auto there = registry_.find(name);
      if (name.ends_with('*')) {
        registry_.add_route(spec_of(name, backend.handler), owner);
      } else if (!is_method(there.get(), name)) {
        registry_.add(spec_of(name, backend.handler), owner);
      }
    }
  }
  registry_.keep_known_names(owner, owner);
  registry_.keep_known_names(backend.predecessor.get(), owner);
}

// The open backend with these settings; null without one, or if a file has new content.
const Backends::Open* Backends::unchanged(const BackendSettings& settings, const BackendFiles& files) const {
  const auto same = std::ranges::find(open_, settings, &Open::settings);
  if (same == open_.end() || same->authorities != authorities_of(settings, files)) return nullptr;
  if (same->program != program_of(settings, files)) return nullptr;
  if (same->headers != headers_of(settings, files)) return nullptr;
  const bool is_module = !settings.module.empty();
  return is_module && files.modules.at(settings.module).content != same->module.content ? nullptr : &*same;
}

void Backends::apply(const std::vector<BackendSettings>& wanted, const BackendFiles& files,
                     const std::map<std::string, MethodSettings>& methods,
                     const std::function<void()>& wait_for_calls, const std::stop_token& stop) {
  std::vector<Open> kept;
  for (const BackendSettings& settings : wanted) {
    const Open* const same = unchanged(settings, files);
    kept.push_back(same != nullptr ? *same : take_prepared(settings, files));
    if (same != nullptr) hub_.renew(same->id);
    publish(kept.back(), methods);
  }
  // Backends of a reload run already. At a start this takes a moment, unless a disk or a name service is
  // slow.
  const TimePoint started_by = Clock::now() + kFirstStartWait;
  for (const Open& each : kept) {
    if (each.started.valid()) each.started.wait_until(started_by);
  }
  // Earlier backends serve methods until the new ones have named theirs.
  std::vector<const Open*> silent;
  for (const Open& each : kept) {
    if (each.predecessor != nullptr) silent.push_back(&each);
  }
  wait_for_methods(silent, stop);
  discard_prepared();
  std::vector<Open> ended;
  for (const Open& each : open_) {
    if (std::ranges::find(kept, each.id, &Open::id) != kept.end()) continue;
    each.current->store(false);
    registry_.remove_all_of(each.owner().get());
    ended.push_back(each);
  }
  open_ = std::move(kept);
  {
    const std::lock_guard lock(mutex_);
    metrics_.clear();
    for (const Open& each : open_) {
      if (each.metrics) metrics_.push_back(each.metrics);
    }
  }
  if (ended.empty()) return;
  wait_for_calls();
  for (const Open& each : ended) hub_.retire(each.id);
}

// One time limit for all of them: no backend delays the others.
void Backends::wait_for_methods(const std::vector<const Open*>& backends, const std::stop_token& stop) const {
  const auto asked = [](const Open* each) { return each->settings.discover; };
  if (std::ranges::none_of(backends, asked)) return;
  hub_.flush();
  const TimePoint until = Clock::now() + kDiscoverWait;
  // Backends that could not be started are not waited for.
  const auto starts = [](const Open* each) {
    return each->started.valid() && each->started.wait_for(seconds(0)) != std::future_status::ready;
  };
  const auto awaited = [&starts](const Open* each) {
    return each->settings.discover && !each->metrics->discovered.load() &&
           (starts(each) || each->metrics->up.front().load());
  };
  const auto in_time = [&](const Open* each) {
    return awaited(each) && Clock::now() < std::min(until, each->methods_by);
  };
  while (std::ranges::any_of(backends, in_time) && !stop.stop_requested()) {
    std::this_thread::sleep_for(kDiscoverLook);
  }
  for (const Open* each : backends) {
    if (awaited(each))
      spdlog::warn("backend {}: has not answered rpc.discover yet; its methods are unknown until it does",
                   each->settings.name);
  }
}

void Backends::wait_for_methods(const std::stop_token& stop) const {
  std::vector<const Open*> all;
  for (const Open& each : open_) all.push_back(&each);
  wait_for_methods(all, stop);
}

std::vector<std::shared_ptr<const BackendMetrics>> Backends::metrics() const {
  const std::lock_guard lock(mutex_);
  return metrics_;
}

}  // namespace sluice::core
