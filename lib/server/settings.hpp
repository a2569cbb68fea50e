// Everything that can be configured, with its defaults and units. Plain data: copied, compared, passed on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/limits.hpp"

namespace sluice::core {

using std::chrono::milliseconds;
using std::chrono::seconds;

// No time limit is longer: far enough for everybody, and no sum of two overflows a clock.
inline constexpr milliseconds kLongestWait = std::chrono::hours(24 * 365);

// TLS on a listener. The files are PEM, and read when the server starts and at each reload.
struct TlsSettings {
  std::string certificate;  // the server's, and behind it those that lead to its root
  std::string key;          // the certificate's private one, without a passphrase
  std::string client_ca;    // clients are asked for a certificate that these have signed; empty: not asked
  bool require_client_certificate = false;  // refuses clients that have none
  bool optional = false;                    // serves clients that speak no TLS as well

  bool operator==(const TlsSettings&) const = default;
};

// What one listener is to be.
struct ListenSettings {
  std::string address = "tcp://127.0.0.1:7070";  // tcp://HOST:PORT or unix:///path
  std::uint32_t mode = 0660;                     // of a Unix socket's file
  bool insecure = false;                         // allows a TCP address that is not loopback
  std::string http_path = "/";
  std::vector<std::string> allowed_origins{};  // whose pages may call; "*" for any
  std::vector<std::string> allowed_hosts{};    // beside this machine's own names, on loopback
  std::optional<TlsSettings> tls{};            // TCP only

  bool operator==(const ListenSettings&) const = default;
};

// Limits that connections and calls meet. Changed by a reload; each I/O thread has its own copy.
struct Limits {
  std::size_t connection_window = 128;  // calls in flight per connection
  std::size_t message_bytes_max = proto::kMessageBytesDefault;
  std::size_t response_bytes_max = proto::kResponseBytesDefault;
  std::size_t batch_entries_max = proto::kBatchEntriesDefault;
  std::size_t batch_width = 16;                     // a batch's calls at once
  std::size_t output_bytes_max = 16 * proto::kMiB;  // unread replies per connection
  milliseconds call_timeout = seconds(30);
  milliseconds idle_timeout = std::chrono::minutes(10);  // since the last byte, with no call in flight
  milliseconds message_timeout = seconds(30);            // from a message's first byte to its last
  milliseconds write_timeout = seconds(10);              // a reply making no progress
  milliseconds slow_call = seconds(1);                   // slower calls are logged at warn
};

// Settings of the methods that one [method] entry names; what is absent keeps its value.
struct MethodSettings {
  std::optional<milliseconds> timeout;
  std::optional<std::size_t> max_concurrent;
};

// A client, by what it proves and what it may do. One of its proofs is enough. The one called "anonymous" has
// none, and says what those may do whose proofs are nobody's; its limits hold for each of their peers.
struct ClientSettings {
  std::string name;
  std::string token_sha256;                         // 64 hexadecimal digits; empty: no token
  std::optional<std::uint32_t> user;                // the numeric id of a Unix socket's peer
  std::optional<std::uint32_t> group;               // or of one of its groups
  std::string certificate;                          // subject of a verified TLS certificate; empty: none
  std::optional<std::vector<std::string>> methods;  // see MethodPatterns; absent: all
  double rate = 0;                                  // calls per second; 0: no limit
  std::size_t burst = 0;                            // calls at once after a pause; 0: twice the rate
  std::size_t max_in_flight = 0;                    // 0: no limit of its own
};

enum class LogFormat : std::uint8_t { text, json };

struct LogSettings {
  std::string level = "info";  // trace debug info warn error
  LogFormat format = LogFormat::text;
};

struct Settings {
  std::size_t io_threads = 0;  // 0: from the CPU count; fixed at start
  std::size_t workers = 0;     // 0: from the CPU count; fixed at start
  std::size_t worker_queue = 1024;
  std::size_t max_in_flight = 0;  // 0: workers * (worker_queue + 1)
  std::size_t max_connections = 10000;
  Limits limits;
  milliseconds drain_timeout = seconds(20);
  std::vector<ListenSettings> listeners = {ListenSettings{}};
  std::string admin_address = "tcp://127.0.0.1:7071";  // empty: no admin listener
  LogSettings log;
  std::vector<ClientSettings> clients;            // none: whoever can connect may call everything
  std::map<std::string, MethodSettings> methods;  // by exact name, or a prefix as "demo.*"
};

// With what zero stands for worked out, once, so that nothing else has to know. Throws
// std::invalid_argument for settings that can't be meant.
Settings resolved(Settings settings);

}  // namespace sluice::core
