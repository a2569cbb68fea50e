// Backends: the configured backends and their methods.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "lib/backend/backend_hub.hpp"
#include "lib/backend/discovery_gate.hpp"
#include "lib/backend/module/module.hpp"
#include "lib/backend/upstream/secrets.hpp"
#include "lib/rpc/registry.hpp"
#include "lib/server/settings.hpp"

namespace sluice::core {

// Content of the files that backends' settings name, by file.
struct BackendFiles {
  std::map<std::string, LoadedModule> modules;
  std::map<std::string, std::string> authorities;  // PEM text
  std::map<std::string, std::string> programs;     // program_version(), by the backend's name
  std::map<std::string, UpstreamHeaders> headers;  // by the backend's name
};

// Throws std::invalid_argument that names the backend, the file and the problem.
BackendFiles load_backend_files(const std::vector<BackendSettings>& backends);

// Creates backends from settings, publishes their methods in the registry, and changes both while calls run.
// Only the engine's controlling thread uses it, except metrics().
class Backends {
 public:
  // The hub must not have been started.
  Backends(Registry& registry, BackendHub& hub) : registry_(registry), hub_(hub) {
    hub_.on_method_not_found([&registry](const Method& method) { registry.forget(method); });
  }

  // Opens new and changed backends beside the serving ones, and waits until their processes run their
  // programs. A replacement must stay alive for a moment, or until it has named its methods. If one fails,
  // throws std::invalid_argument and closes what it has opened. Call apply() with the same settings
  // afterwards, or discard_prepared().
  void prepare(const std::vector<BackendSettings>& wanted, const BackendFiles& files,
               const std::stop_token& stop = {});
  // Closes what prepare() has opened.
  void discard_prepared();

  // Opens backends that are new or changed, in their settings or their files, unless prepare() has done so.
  // Publishes their methods, replacing earlier ones; retires the other backends, and renews those that stay.
  // `wait_for_calls` returns when every call admitted before has reached its backend.
  void apply(const std::vector<BackendSettings>& wanted, const BackendFiles& files,
             const std::map<std::string, MethodSettings>& methods,
             const std::function<void()>& wait_for_calls, const std::stop_token& stop = {});

  // Waits until all backends that discover methods have named them, for a few seconds at most, or until
  // `stop` is requested. The backends must have been started.
  void wait_for_methods(const std::stop_token& stop = {}) const;

  // Any thread.
  std::vector<std::shared_ptr<const BackendMetrics>> metrics() const;

 private:
  struct Open {
    BackendSettings settings;
    BackendId id = 0;
    std::shared_ptr<BackendMetrics> metrics;
    std::shared_ptr<AsyncHandler> handler;  // null for a module
    LoadedModule module;
    std::string authorities;                      // of an upstream, PEM text; empty: the system's
    std::string program;                          // program_version() of a child process
    std::shared_ptr<DiscoveryGate> gate;          // null for a module
    std::shared_ptr<std::atomic<bool>> answered;  // whether it has named its methods; null for a module
    TimePoint methods_by = TimePoint::max();      // deadline for its methods, if known
    // For a child that starts without a call: why its first start failed, or empty.
    std::shared_future<std::string> started;
    UpstreamHeaders headers;
    std::shared_ptr<std::atomic<bool>> current;  // whether the configuration still has it
    // Identity of the backend that it replaces. Kept, so that no other backend gets its address.
    std::shared_ptr<const void> predecessor;

    // Owner of its methods in the registry.
    std::shared_ptr<const void> owner() const {
      return handler ? std::shared_ptr<const void>(handler) : std::shared_ptr<const void>(current);
    }
  };

  const Open* unchanged(const BackendSettings& settings, const BackendFiles& files) const;
  Open open(const BackendSettings& settings, const BackendFiles& files);
  Open take_prepared(const BackendSettings& settings, const BackendFiles& files);
  static std::string why_not_started(const Open& backend, TimePoint until, const std::stop_token& stop);
  static std::string why_not_alive(const Open& backend, TimePoint until, const std::stop_token& stop);
  void refuse_unless_empty(const Open& backend, const std::string& why);
  Open open_module(const BackendSettings& settings, const BackendFiles& files);
  void wait_for_methods(const std::vector<const Open*>& backends, const std::stop_token& stop) const;
  void publish(const Open& backend, const std::map<std::string, MethodSettings>& methods);
  std::function<void(std::string_view)> on_discovered(const Open& backend);

  Registry& registry_;
  BackendHub& hub_;
  std::vector<Open> open_;
  std::vector<Open> prepared_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const BackendMetrics>> metrics_;  // guarded by mutex_
};

}  // namespace sluice::core
