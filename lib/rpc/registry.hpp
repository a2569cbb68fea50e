// Registry of methods: by name, and by prefix.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/call/method.hpp"
#include "lib/rpc/known_names.hpp"

namespace sluice::core {

// Name to method; may change at any time. Thread-safe: the lock is held to copy a pointer, never while a
// handler runs or is destroyed.
class Registry {
 public:
  // `metrics` must outlive the registry.
  explicit Registry(Metrics& metrics) : metrics_(metrics) {}

  // Throws std::invalid_argument for a method without a name or a handler, or with a reserved name.
  // `owner` is what remove_all_of() goes by.
  void add(MethodSpec spec, const void* owner = nullptr);
  // Adds a method of the server itself, whose name may begin with "rpc.".
  void add_builtin(MethodSpec spec);
  // Adds a route: all methods with a prefix ("eth_*"), served by one handler. Exact names win over routes,
  // longer prefixes over shorter ones. Metrics count a route as one method, but for its known names.
  void add_route(MethodSpec spec, const void* owner = nullptr);
  bool remove(std::string_view name);
  // Removes all methods and routes of that owner.
  void remove_all_of(const void* owner);

  // A call of `name` that `route` served had a result: the name becomes a known name, a method of its own but
  // for settings and calls in flight, which stay the route's. Returns the entry that it counts under from now
  // on, or null where it counts under the route: its owner has kKnownNamesMax others, the route serves it no
  // more, or the name is unusable. Throws std::bad_alloc where nothing has been done.
  MethodMetrics* learn(const Method& route, std::string_view name);
  // The backend does not have this method any more: if it is a known name, it is one no longer. It may become
  // one again.
  void forget(const Method& method);
  // Known names of `from` become known names of `to`, as far as its routes serve them. Both may be the same,
  // whose routes have changed.
  void keep_known_names(const void* from, const void* to);

  std::shared_ptr<Method> find(std::string_view name) const;
  // Changes whenever find() could return a different result.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Returns all methods, with known names and without routes.
  std::vector<std::shared_ptr<Method>> all() const;
  // Returns the routes, without those inside another one of the same owner.
  std::vector<std::shared_ptr<Method>> routes() const;

  // Applies to all methods, also to those added later. Keys are exact names or prefixes such as "demo.*";
  // an exact name wins over a prefix, a longer prefix over a shorter one.
  void configure(std::map<std::string, MethodSettings> settings);

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  using Methods = std::unordered_map<std::string, std::shared_ptr<Method>, NameHash, std::equal_to<>>;

  std::shared_ptr<Method> make(MethodSpec spec, const void* owner) const;
  // Call these with the lock held.
  const Method* route_of(std::string_view name) const;
  MethodMetrics& add_known(const Method& route, std::string_view name);
  std::vector<std::shared_ptr<Method>> take_known_under(std::string_view prefix, const Method& route);

  void insert(MethodSpec spec, const void* owner);
  MethodSettings settings_of(std::string_view name) const;

  Metrics& metrics_;
  // Before something changes, under the lock: so also if memory runs out in the middle of the change.
  void changed() { version_.fetch_add(1, std::memory_order_release); }

  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> version_{0};
  Methods methods_;  // guarded by mutex_
  // By prefix without its star, the longest first. Guarded by mutex_.
  std::vector<std::pair<std::string, std::shared_ptr<Method>>> routes_;
  std::map<std::string, MethodSettings> settings_;  // guarded by mutex_
  std::map<const void*, KnownNames> known_;         // by owner; guarded by mutex_
};

}  // namespace sluice::core
