// Settings of backends: child processes, upstreams and modules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/time/durations.hpp"

namespace sluice::core {

// When a failing backend gets no calls for a while. Slow calls count as failures.
struct BreakerSettings {
  std::size_t failures = 5;  // within the window; 0: no breaker
  milliseconds window = seconds(10);
  milliseconds open = seconds(5);  // until one call is let through as a trial
  milliseconds slow{0};            // a call that takes longer has failed; 0: none is too slow

  bool operator==(const BreakerSettings&) const = default;
};

// Retries of failed calls, with exponential backoff and full jitter.
struct RetrySettings {
  std::size_t attempts = 1;            // in all
  milliseconds backoff{50};            // upper bound before attempt 2; doubles
  std::vector<std::string> methods{};  // patterns of those that may run twice; empty: no retries

  bool operator==(const RetrySettings&) const = default;
};

// What is added to a message for a backend, and how it learns of a cancelled call.
enum class Dialect : std::uint8_t {
  automatic,  // as jsonrpc, until a child announces itself with rpc.hello: then as sluice
  jsonrpc,    // nothing beyond JSON-RPC 2.0's own members; nothing is said of cancelled calls
  sluice,     // timeout_ms and traceparent; the notification rpc.cancel
  lsp,        // nothing; the notification $/cancelRequest, and Content-Length framing on stdio
};

// A child process that reads and writes one JSON-RPC message a line.
struct ChildSettings {
  std::vector<std::string> command{};  // the program and its arguments
  std::size_t instances = 1;
  std::size_t concurrency = 1;           // calls at once per instance
  bool lazy = false;                     // started by the first call
  milliseconds kill_after = seconds(1);  // past a call's time limit, before an instance that hangs is killed
  std::map<std::string, std::string> environment{};  // beside the server's own
  bool environment_cleared = false;                  // nothing of the server's own environment but PATH
  std::string directory{};                           // empty: the server's own
  std::string user{};                                // empty: the server's own
  std::size_t memory_bytes_max = 0;                  // of address space; 0: the server's own limit
  seconds cpu_time_max{0};                           // of an instance's life; 0: the server's own limit
  bool watch = false;                                // new processes when its program's files change

  bool operator==(const ChildSettings&) const = default;
};

// The value of a header that is sent to an upstream: text, or what is in a file at each reload.
struct HeaderValue {
  std::string text{};
  std::string file{};  // empty: text counts

  bool operator==(const HeaderValue&) const = default;
};

// Other JSON-RPC servers that answer the same.
struct UpstreamSettings {
  std::vector<std::string> urls{};  // http(s)://, tcp://, unix://, ws(s)://
  std::string strip_prefix{};       // of methods, before they are sent on
  std::size_t connections = 4;      // per URL at most
  std::size_t concurrency = 64;     // calls at once per connection; over HTTP: one
  milliseconds connect_timeout = seconds(2);
  milliseconds idle_timeout = seconds(60);   // of a connection without calls
  milliseconds probe_interval = seconds(5);  // of a URL that does not answer
  RetrySettings retry{};
  std::vector<std::string> hedge{};  // methods that are asked a second time once they take longer than usual
  std::string ca{};                  // PEM file of authorities that sign the upstream; empty: the system's
  std::map<std::string, HeaderValue> headers{};  // sent with each HTTP request and WebSocket handshake
  std::string user{};                            // of HTTP basic authentication; empty: none
  std::string password_file{};                   // its password, without a trailing newline

  bool operator==(const UpstreamSettings&) const = default;
};

// Who serves methods that are not compiled in: one of a child process, an upstream and a module.
struct BackendSettings {
  std::string name{};
  std::vector<std::string> methods{};  // exact names, and prefixes such as "calc.*"
  bool discover = false;               // the methods are asked from it with rpc.discover
  std::size_t queue = 1024;            // calls that may wait for it
  Dialect dialect = Dialect::automatic;
  BreakerSettings breaker{};
  std::optional<ChildSettings> child{};
  std::optional<UpstreamSettings> upstream{};
  std::string module{};  // file of a shared object; empty: none

  bool operator==(const BackendSettings&) const = default;
};

}  // namespace sluice::core
