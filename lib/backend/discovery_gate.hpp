// Discovery gate: holds a backend's method list until the backend serves the methods.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::core {

// A reload opens new backends before it is sure that they replace the old ones: until then those
// keep their methods. Backends' thread only.
class DiscoveryGate {
 public:
  using Publish = std::function<void(std::string_view openrpc)>;

  explicit DiscoveryGate(Publish publish) : publish_(std::move(publish)) {}

  void take(std::string_view document) {
    if (open_) return publish_(document);
    held_ = document;
    holds_ = true;
  }
  void open() {
    open_ = true;
    if (std::exchange(holds_, false)) publish_(std::exchange(held_, {}));
  }

 private:
  Publish publish_;
  std::string held_;
  bool holds_ = false;
  bool open_ = false;
};

}  // namespace sluice::core
