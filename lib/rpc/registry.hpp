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
  // longer prefixes over shorter ones. Metrics count a route as one method.
  void add_route(MethodSpec spec, const void* owner = nullptr);
  bool remove(std::string_view name);
  // Removes all methods and routes of that owner.
  void remove_all_of(const void* owner);

  std::shared_ptr<Method> find(std::string_view name) const;
  // Changes whenever find() could return a different result.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Returns all methods, without routes.
  std::vector<std::shared_ptr<Method>> all() const;

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
};

}  // namespace sluice::core
