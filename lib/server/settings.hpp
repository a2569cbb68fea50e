// Everything that can be configured, with its defaults and units. Plain data: copied, compared, passed on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/include/sluice/client_options.hpp"
#include "lib/include/sluice/listen_options.hpp"
#include "proto/limits.hpp"

namespace sluice::core {

using std::chrono::milliseconds;
using std::chrono::seconds;

// No time limit is longer: far enough for everybody, and no sum of two overflows a clock.
inline constexpr milliseconds kLongestWait = std::chrono::hours(24 * 365);

// The same for whoever embeds the server, and so said once: in public.
using TlsSettings = TlsOptions;
using ListenSettings = ListenOptions;
using ClientSettings = ClientOptions;

// Limits that connections and calls meet. Changed by a reload; each I/O thread has its own copy.
struct Limits {
  std::size_t connection_window = 128;  // calls in flight per connection
  std::size_t message_bytes_max = proto::kMessageBytesDefault;
  std::size_t response_bytes_max = proto::kResponseBytesDefault;
  std::size_t batch_entries_max = proto::kBatchEntriesDefault;
  std::size_t batch_width = 16;                     // a batch's calls at once
  std::size_t output_bytes_max = 16 * proto::kMiB;  // unread replies per connection
  milliseconds call_timeout = seconds(30);
  milliseconds idle_timeout = std::chrono::minutes(11);  // since the last byte, with no call in flight
  milliseconds message_timeout = seconds(30);            // from a message's first byte to its last
  milliseconds write_timeout = seconds(10);              // a reply making no progress
  milliseconds ping_interval = seconds(25);              // between pings to a WebSocket peer
  milliseconds slow_call = seconds(1);                   // slower calls are logged at warn
  // What a connection may have sent before it has proved who it is; no limit without configured clients.
  std::size_t unproven_bytes_max = std::numeric_limits<std::size_t>::max();
  bool busy_poll = true;  // while calls follow closely on each other, see BusyPoll
};

// Who is refused first, and who is taken from a queue first.
enum class Priority : std::uint8_t { low, normal, high, kCount };

// Settings of the methods that one [method] entry names; what is absent keeps its value.
struct MethodSettings {
  std::optional<milliseconds> timeout{};
  std::optional<std::size_t> max_concurrent{};
  std::optional<Priority> priority{};
};

// When a backend that fails is not asked for a while. Slow calls count as failures.
struct BreakerSettings {
  std::size_t failures = 5;  // within the window; 0: no breaker
  milliseconds window = seconds(10);
  milliseconds open = seconds(5);  // until one call is let through as a probe
  milliseconds slow{0};            // a call that takes longer has failed; 0: none is too slow

  bool operator==(const BreakerSettings&) const = default;
};

// Asking again where a call has failed, with exponential backoff and full jitter.
struct RetrySettings {
  std::size_t attempts = 1;            // in all
  milliseconds backoff{50};            // before the second; doubles
  std::vector<std::string> methods{};  // see MethodPatterns: those that may run twice; none: none

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

enum class LogFormat : std::uint8_t { text, json };

struct LogSettings {
  std::string level = "info";  // trace debug info warn error
  LogFormat format = LogFormat::text;
};

// How many calls are let in beside what the limits say.
struct AdmissionSettings {
  bool adaptive = false;      // lowers the in-flight limit while calls wait too long
  std::size_t limit_min = 8;  // but not below this
  bool fair = true;           // calls that wait are taken in turn by client
};

struct Settings {
  std::size_t io_threads = 0;   // 0: from the CPU count; fixed at start
  std::size_t workers = 0;      // 0: from the CPU count; fixed at start
  std::size_t workers_max = 0;  // while calls wait or workers are stuck; 0: as workers; fixed at start
  std::vector<std::size_t> worker_cpus;  // where workers run; none: anywhere; fixed at start
  AdmissionSettings admission;
  std::size_t worker_queue = 1024;
  std::size_t max_in_flight = 0;  // 0: workers * (worker_queue + 1)
  std::size_t max_connections = 10000;
  std::size_t max_connections_per_peer = 0;  // from one address or user; 0: no limit of its own
  std::size_t memory_bytes_max =
      0;  // what all connections hold together; 0: 75 % of the machine's or cgroup's
  Limits limits;
  milliseconds drain_timeout = seconds(20);
  std::vector<ListenSettings> listeners = {ListenSettings{}};
  std::string admin_address = "tcp://127.0.0.1:7071";  // empty: no admin listener
  LogSettings log;
  std::vector<ClientSettings> clients;  // none: whoever can connect may call everything
  std::vector<BackendSettings> backends;
  std::map<std::string, MethodSettings> methods;  // by exact name, or a prefix as "demo.*"
};

// With what zero stands for worked out, once, so that nothing else has to know. Throws
// std::invalid_argument for settings that can't be meant.
Settings resolved(Settings settings);

}  // namespace sluice::core
