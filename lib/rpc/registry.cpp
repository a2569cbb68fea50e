#include "lib/rpc/registry.hpp"

#include <algorithm>
#include <stdexcept>

namespace sluice::core {
namespace {

bool is_builtin(std::string_view name) { return name.starts_with("rpc.") || name.starts_with("$/"); }

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
  const std::lock_guard lock(mutex_);
  changed();
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
  if (found == methods_.end()) return false;
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

void Registry::configure(std::map<std::string, MethodSettings> settings) {
  const std::lock_guard lock(mutex_);
  settings_ = std::move(settings);
  for (const auto& [name, method] : methods_) method->configure(settings_of(name));
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
