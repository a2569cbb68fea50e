#include "lib/rpc/registry.hpp"

#include <algorithm>
#include <stdexcept>

#include "lib/access/method_patterns.hpp"

namespace sluice::core {
namespace {

bool is_builtin(std::string_view name) {
  return name.starts_with("rpc.") || name.starts_with("$/") || !MethodPatterns::other_name(name).empty();
}

}  // namespace

void Registry::add(MethodSpec spec, const void* owner) {
  if (is_builtin(spec.name)) {
    throw std::invalid_argument("method " + spec.name +
                                ": names that begin with rpc. or $/ are the server's own");
  }
  insert(std::move(spec), owner);
}

void Registry::add_builtin(MethodSpec spec) { insert(std::move(spec), nullptr); }

std::shared_ptr<Method> Registry::make(MethodSpec spec, const void* owner) const {
  if (spec.name.empty()) throw std::invalid_argument("a method needs a name");
  const bool has_handler = spec.kind == HandlerKind::async ? spec.async != nullptr : spec.handler != nullptr;
  if (!has_handler) throw std::invalid_argument("method " + spec.name + " has no handler");
  MethodMetrics& metrics = metrics_.method(spec.name);
  metrics.has_permits.store(true, std::memory_order_relaxed);
  return std::make_shared<Method>(std::move(spec), metrics, owner);
}

void Registry::insert(MethodSpec spec, const void* owner) {
  auto method = make(std::move(spec), owner);
  const std::lock_guard lock(mutex_);
  changed();
  method->configure(settings_of(method->spec().name));
  // The replaced method, if any, is destroyed after the lock is gone.
  methods_[method->spec().name].swap(method);
}

void Registry::add_route(MethodSpec spec, const void* owner) {
  auto method = make(std::move(spec), owner);
  std::string prefix = method->spec().name;
  prefix.pop_back();
  std::vector<std::shared_ptr<Method>> taken;  // destroyed after the lock is gone, as all that is removed
  const std::lock_guard lock(mutex_);
  changed();
  taken = take_known_under(prefix, *method);
  method->configure(settings_of(method->spec().name));
  const auto same = std::ranges::find(routes_, prefix, [](const auto& each) { return each.first; });
  if (same != routes_.end()) return same->second.swap(method);
  const auto shorter =
      std::ranges::find_if(routes_, [&](const auto& each) { return each.first.size() < prefix.size(); });
  routes_.insert(shorter, {std::move(prefix), std::move(method)});
}

bool Registry::remove(std::string_view name) {
  if (is_builtin(name)) return false;  // its handler may be waiting for a thread
  Methods::node_type removed;
  const std::lock_guard lock(mutex_);
  const auto found = methods_.find(name);
  if (found == methods_.end() || found->second->is_known_name()) return false;
  changed();
  removed = methods_.extract(found);
  return true;
}

void Registry::remove_all_of(const void* owner) {
  std::vector<std::shared_ptr<Method>> removed;  // destroyed after the lock is gone
  const std::lock_guard lock(mutex_);
  changed();
  const auto is_its = [&](const auto& each) {
    const bool its = each.second->owner() == owner;
    if (its) removed.push_back(each.second);
    return its;
  };
  std::erase_if(methods_, is_its);
  std::erase_if(routes_, is_its);
  known_.erase(owner);
}

MethodMetrics* Registry::learn(const Method& route, std::string_view name) {
  if (is_builtin(name)) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto there = methods_.find(name);
  if (there != methods_.end()) {
    const Method& known = *there->second;
    return known.is_known_name() && &known.permits() == &route.metrics() ? &known.metrics() : nullptr;
  }
  if (route_of(name) != &route || !known_[route.owner()].add(name)) return nullptr;
  return &add_known(route, name);
}

void Registry::forget(const Method& method) {
  if (!method.is_known_name()) return;
  Methods::node_type removed;
  const std::lock_guard lock(mutex_);
  const auto found = methods_.find(method.spec().name);
  if (found == methods_.end() || found->second.get() != &method) return;
  changed();
  known_[method.owner()].forget(method.spec().name);
  removed = methods_.extract(found);
}

void Registry::keep_known_names(const void* from, const void* to) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(from);
  if (found == known_.end()) return;
  KnownNames& kept = known_[to];
  for (const std::string& name : found->second.listed()) {
    const Method* const route = route_of(name);
    if (route == nullptr || route->owner() != to || methods_.contains(name) || !kept.add(name)) continue;
    add_known(*route, name);
  }
}

const Method* Registry::route_of(std::string_view name) const {
  const auto found =
      std::ranges::find_if(routes_, [name](const auto& each) { return name.starts_with(each.first); });
  return found == routes_.end() ? nullptr : found->second.get();
}

MethodMetrics& Registry::add_known(const Method& route, std::string_view name) {
  MethodSpec spec = route.spec();
  spec.name = name;
  MethodMetrics& metrics = metrics_.method(name);
  auto method = std::make_shared<Method>(std::move(spec), metrics, route.owner(), &route.metrics());
  method->configure(settings_of(route.spec().name));
  changed();
  methods_.insert_or_assign(std::string(name), std::move(method));
  return metrics;
}

// The known names that the new route takes over: what they have of the earlier one does not count any more.
std::vector<std::shared_ptr<Method>> Registry::take_known_under(std::string_view prefix,
                                                                const Method& route) {
  std::vector<std::shared_ptr<Method>> taken;
  std::erase_if(methods_, [&](const auto& each) {
    const Method& method = *each.second;
    if (!method.is_known_name() || !method.spec().name.starts_with(prefix)) return false;
    const bool stays = method.owner() == route.owner() && &method.permits() == &route.metrics();
    if (stays || method.permits().name.size() > route.spec().name.size()) return false;
    taken.push_back(each.second);
    return true;
  });
  return taken;
}

std::shared_ptr<Method> Registry::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = methods_.find(name);
  if (found != methods_.end()) return found->second;
  for (const auto& [prefix, method] : routes_) {
    if (name.starts_with(prefix)) return method;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Method>> Registry::all() const {
  std::vector<std::shared_ptr<Method>> methods;
  const std::lock_guard lock(mutex_);
  methods.reserve(methods_.size());
  for (const auto& [name, method] : methods_) methods.push_back(method);
  return methods;
}

std::vector<std::shared_ptr<Method>> Registry::routes() const {
  std::vector<std::shared_ptr<Method>> routes;
  const std::lock_guard lock(mutex_);
  for (const auto& [prefix, method] : routes_) {
    const bool inside = std::ranges::any_of(routes_, [&prefix = prefix, &method = method](const auto& other) {
      return other.second != method && other.second->owner() == method->owner() &&
             prefix.starts_with(other.first);
    });
    if (!inside) routes.push_back(method);
  }
  return routes;
}

void Registry::configure(std::map<std::string, MethodSettings> settings) {
  const std::lock_guard lock(mutex_);
  settings_ = std::move(settings);
  for (const auto& [name, method] : methods_) method->configure(settings_of(method->permits().name));
  for (const auto& [prefix, method] : routes_) method->configure(settings_of(method->spec().name));
}

MethodSettings Registry::settings_of(std::string_view name) const {
  const auto exact = settings_.find(std::string(name));
  if (exact != settings_.end()) return exact->second;
  std::size_t longest = 0;
  MethodSettings found;
  for (const auto& [pattern, settings] : settings_) {
    if (!pattern.ends_with('*')) continue;
    const std::string_view prefix = std::string_view(pattern).substr(0, pattern.size() - 1);
    if (name.starts_with(prefix) && prefix.size() + 1 > longest) {
      longest = prefix.size() + 1;
      found = settings;
    }
  }
  return found;
}

}  // namespace sluice::core
