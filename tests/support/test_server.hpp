// A server inside the test's process, on ports of its own.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "lib/include/sluice/server.hpp"
#include "lib/server/engine.hpp"
#include "tests/support/raw_client.hpp"

namespace sluice::testing {

// Settings with a free port, no admin listener, and short time limits where a test would have to wait.
inline core::Settings test_settings() {
  core::Settings settings;
  settings.io_threads = 2;
  settings.workers = 4;
  settings.listeners.front().address = "tcp://127.0.0.1:0";
  settings.admin_address = "";
  settings.drain_timeout = std::chrono::seconds(10);
  return settings;
}

// A folder of its own, removed at the end with the files in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/sluice-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    for (const std::string& file : files_) ::unlink(file.c_str());
    ::rmdir(path_.c_str());
  }
  std::string file(const std::string& name) {
    files_.push_back(path_ + "/" + name);
    files_.push_back(files_.back() + ".lock");
    return path_ + "/" + name;
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

inline MethodSpec text_method(std::string name, TextHandler handler, MethodOptions options = {}) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = options.kind();
  spec.handler = std::move(handler);
  spec.options = std::move(options);
  return spec;
}

// Answers its params.
inline MethodSpec echo_method(std::string name, MethodOptions options = {}) {
  const auto echo = [](Call&, std::string_view params, std::string& result) -> std::optional<Error> {
    result += params.empty() ? "null" : params;
    return std::nullopt;
  };
  return text_method(std::move(name), echo, std::move(options));
}

// Waits for the gate, whatever happens to the call.
inline MethodSpec gate_method(std::string name, Gate& gate, MethodOptions options = {}) {
  const auto wait = [&gate](Call&, std::string_view, std::string& result) -> std::optional<Error> {
    gate.wait();
    result += "\"through\"";
    return std::nullopt;
  };
  return text_method(std::move(name), wait, std::move(options));
}

class TestServer {
 public:
  explicit TestServer(std::vector<MethodSpec> methods, core::Settings settings = test_settings())
      : engine_(quietly(std::move(settings))) {
    for (MethodSpec& method : methods) engine_.add(std::move(method));
    engine_.start();
  }

  core::Engine& engine() { return engine_; }
  std::string address() const { return engine_.addresses().front(); }
  RawClient connect(int receive_bytes = 0) const { return RawClient(address(), receive_bytes); }

  // Whether no call holds a permit and no abandoned handler runs.
  bool idle() const {
    const auto status = engine_.status();
    return status.in_flight == 0 && status.abandoned == 0;
  }

 private:
  // Handlers that throw, and the like, are logged; these tests do not need the lines.
  static core::Settings quietly(core::Settings settings) {
    const Server sets_the_level({.listen = {}, .log_level = "error", .io_threads = 1, .workers = 1});
    return settings;
  }

  core::Engine engine_;
};

}  // namespace sluice::testing
