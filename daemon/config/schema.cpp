#include "daemon/config/schema.hpp"

#include <utility>

#include "daemon/config/key.hpp"
#include "lib/access/token_bucket.hpp"
#include "proto/limits.hpp"

namespace sluice::daemon {

namespace {

using core::ClientSettings;
using core::kLongestWait;
using core::ListenSettings;
using core::LogFormat;
using core::MethodSettings;
using core::milliseconds;
using core::Priority;
using core::Settings;
using core::TlsSettings;

// Bounds of what may be configured: far beyond what is sensible, short of what breaks.
constexpr std::size_t kThreadsMax = 1024;
constexpr std::size_t kCallsMax = 1u << 24;
constexpr std::size_t kConnectionsMax = 1u << 20;
constexpr std::size_t kBatchEntriesMax = 1u << 20;
constexpr std::size_t kOutputBytesMax = 16 * proto::kMessageBytesCeiling;
constexpr milliseconds kShortest = milliseconds(1);

ValueKind<milliseconds> time_limit() { return duration_between(kShortest, kLongestWait); }

Keys<Settings> make_server_keys() {
  const auto add = [](auto... arguments) { return key<Settings>(arguments...); };
  return {
      add("io_threads", count_between(0, kThreadsMax), SLUICE_FIELD(io_threads),
          "threads that read and write connections; 0: half of the CPUs, 1 to 16; fixed at start"),
      add("busy_poll", flag(), SLUICE_FIELD(limits.busy_poll),
          "I/O threads poll for the next call for up to 40 us before they sleep, while calls follow closely"),
      add("workers", count_between(0, kThreadsMax), SLUICE_FIELD(workers),
          "threads that run blocking handlers; 0: two per CPU, at least 4; fixed at start"),
      add("max_workers", count_between(0, kThreadsMax), SLUICE_FIELD(workers_max),
          "the most workers, used while calls wait long or handlers hang; 0 or fewer than workers: as "
          "workers; fixed at start"),
      add("worker_cpus", cpu_list(), SLUICE_FIELD(worker_cpus),
          "CPUs that workers run on; left out: all; fixed at start"),
      add("worker_queue", count_between(1, kCallsMax), SLUICE_FIELD(worker_queue),
          "calls that may wait, per worker"),
      add("max_in_flight", count_between(0, kCallsMax), SLUICE_FIELD(max_in_flight),
          "calls admitted at once; 0: workers * (worker_queue + 1)"),
      add("connection_window", count_between(1, kCallsMax), SLUICE_FIELD(limits.connection_window),
          "unanswered calls per connection; at that number no more is read from it"),
      add("max_connections", count_between(1, kConnectionsMax), SLUICE_FIELD(max_connections),
          "connections at once; one more is closed"),
      add("max_connections_per_peer", count_between(0, kConnectionsMax),
          SLUICE_FIELD(max_connections_per_peer),
          "connections at once from one IP address (of IPv6 one /64) or Unix user; 0: no such limit"),
      add("max_memory", size_between(0, kMemoryMax), SLUICE_FIELD(memory_bytes_max),
          "bytes that all connections together hold; 0: 75 % of the machine's or the control group's memory"),
      add("max_message", size_between(1, proto::kMessageBytesCeiling), SLUICE_FIELD(limits.message_bytes_max),
          "bytes of the longest message that is read; a longer one is answered -32007"),
      add("max_response", size_between(1, proto::kMessageBytesCeiling),
          SLUICE_FIELD(limits.response_bytes_max),
          "bytes of the longest reply that is sent; a longer one becomes -32008"),
      add("max_batch", count_between(1, kBatchEntriesMax), SLUICE_FIELD(limits.batch_entries_max),
          "entries of a batch; a longer one is answered -32010"),
      add("batch_width", count_between(1, kBatchEntriesMax), SLUICE_FIELD(limits.batch_width),
          "entries of one batch that run at once"),
      add("max_output_buffer", size_between(1, kOutputBytesMax), SLUICE_FIELD(limits.output_bytes_max),
          "bytes of unread replies per connection; above a quarter of that it is not read from, above all of "
          "that it is closed"),
      add("call_timeout", time_limit(), SLUICE_FIELD(limits.call_timeout),
          "time limit of a call; past it the answer is -32002"),
      add("idle_timeout", time_limit(), SLUICE_FIELD(limits.idle_timeout),
          "time without a byte either way and without an unanswered call, after which a connection is "
          "closed"),
      add("ping_interval", time_limit(), SLUICE_FIELD(limits.ping_interval),
          "time between pings to a WebSocket client, also while its calls run"),
      add("message_timeout", time_limit(), SLUICE_FIELD(limits.message_timeout),
          "time from a message's first byte to its last, after which the connection is closed"),
      add("write_timeout", time_limit(), SLUICE_FIELD(limits.write_timeout),
          "time in which a client takes no byte of a reply, after which the connection is closed"),
      add("drain_timeout", duration_between(milliseconds(0), kLongestWait), SLUICE_FIELD(drain_timeout),
          "time that running calls have to finish at shutdown"),
  };
}

Keys<ListenSettings> make_listen_keys() {
  const auto add = [](auto... arguments) { return key<ListenSettings>(arguments...); };
  return {
      add("address", listen_address(), SLUICE_FIELD(address),
          "where to listen; without any [[listen]]: tcp://127.0.0.1:7070; has to be given"),
      add("mode", file_mode(), SLUICE_FIELD(mode), "permissions of a Unix socket's file"),
      add("insecure", flag(), SLUICE_FIELD(insecure),
          "permits an address that other machines reach without any [[client]]"),
      add("http_path", http_path(), SLUICE_FIELD(http_path), "where HTTP and WebSocket clients call"),
      add("allowed_origins", origins(), SLUICE_FIELD(allowed_origins),
          "origins of web pages that may call, '*' for any; programs send no Origin; left out: none"),
      add("allowed_hosts", host_names(), SLUICE_FIELD(allowed_hosts),
          "names in Host by which a loopback address may be called, beside this machine's own; left out: "
          "none"),
      add("allowed_headers", header_names(), SLUICE_FIELD(allowed_headers),
          "request headers that web pages may send, beside those of authorization and tracing; left out: "
          "none"),
      add("subprotocols", subprotocols(), SLUICE_FIELD(subprotocols),
          "WebSocket subprotocols that are accepted, beside jsonrpc, json-rpc, json and mcp; left out: none"),
      add("health_path", health_path(), SLUICE_FIELD(health_path),
          "where GET and HEAD are answered as by the admin's /readyz, without credentials; \"\", or the same "
          "as http_path: nowhere"),
      add("proxy_protocol", flag(), SLUICE_FIELD(proxy_protocol),
          "a PROXY header, version 1 or 2, has to come first; its address is the peer's; needs [[client]] "
          "entries or insecure"),
      add("dual_stack", flag(), SLUICE_FIELD(dual_stack), "an IPv6 address serves IPv4 as well"),
      table_key<ListenSettings>("tls", "serves TLS on a TCP address", "a table, see [listen.tls]"),
  };
}

Keys<TlsSettings> make_tls_keys() {
  const auto add = [](auto... arguments) { return key<TlsSettings>(arguments...); };
  return {
      add("certificate", file_name(), SLUICE_FIELD(certificate),
          "the server's certificate, followed by those that lead to its root; has to be given"),
      add("key", file_name(), SLUICE_FIELD(key),
          "the certificate's private key, without a passphrase; has to be given"),
      add("client_ca", file_name(), SLUICE_FIELD(client_ca),
          "authorities: clients are asked for a certificate that one of these has signed; left out: not "
          "asked"),
      add("require_client_certificate", flag(), SLUICE_FIELD(require_client_certificate),
          "refuses clients without a certificate; needs client_ca"),
      add("optional", flag(), SLUICE_FIELD(optional), "serves plain text on the same port as well"),
  };
}

Keys<Settings> make_admin_keys() {
  return {key<Settings>("address", admin_address(), SLUICE_FIELD(admin_address),
                        "where /metrics, /healthz and /readyz are served")};
}

Keys<Settings> make_admission_keys() {
  const auto add = [](auto... arguments) { return key<Settings>(arguments...); };
  return {
      add("adaptive", flag(), SLUICE_FIELD(admission.adaptive),
          "lowers the limit of calls in flight while calls wait longer than they run"),
      add("min_limit", count_between(1, kCallsMax), SLUICE_FIELD(admission.limit_min),
          "the least that adaptive lowers the limit to, in calls"),
      add("fair", flag(), SLUICE_FIELD(admission.fair),
          "waiting calls are taken round-robin by client, of unauthenticated clients by connection; false: "
          "first come, first served"),
  };
}

Keys<Settings> make_log_keys() {
  const auto add = [](auto... arguments) { return key<Settings>(arguments...); };
  return {
      add("level",
          one_of<std::string>({{"trace", "trace"},
                               {"debug", "debug"},
                               {"info", "info"},
                               {"warn", "warn"},
                               {"error", "error"}}),
          SLUICE_FIELD(log.level), "the least severe lines that are logged"),
      add("format", one_of<LogFormat>({{"text", LogFormat::text}, {"json", LogFormat::json}}),
          SLUICE_FIELD(log.format), "how lines are written to stderr"),
      add("slow_call", duration_between(milliseconds(0), kLongestWait), SLUICE_FIELD(limits.slow_call),
          "calls that take longer are logged at warn"),
  };
}

Keys<ClientSettings> make_client_keys() {
  const auto add = [](auto... arguments) { return key<ClientSettings>(arguments...); };
  Keys<ClientSettings> keys = {
      add("name", client_name(), SLUICE_FIELD(name),
          "its name in the log; \"anonymous\" stands for unauthenticated clients; has to be given"),
      add("token_sha256", sha256(), SLUICE_FIELD(token_sha256), "credential: the token with this SHA-256"),
      add("user", user_id(), SLUICE_FIELD(user),
          "credential: runs as this user, at the other end of a Unix socket"),
      add("group", group_id(), SLUICE_FIELD(group),
          "credential: is in this group, at the other end of a Unix socket"),
      add("certificate", subject(), SLUICE_FIELD(certificate),
          "credential: a TLS client certificate with this whole subject, signed by listen.tls.client_ca"),
      add("methods", method_patterns(), SLUICE_FIELD(methods), "methods that it may call; left out: all"),
      add("rate", number_between(core::kRateMin, core::kRateMax), SLUICE_FIELD(rate),
          "calls per second; of \"anonymous\" per address or user; left out: no limit"),
      add("burst", count_between(1, core::kBurstMax), SLUICE_FIELD(burst),
          "calls at once after a pause; left out: twice the rate"),
      add("max_in_flight", count_between(1, kCallsMax), SLUICE_FIELD(max_in_flight),
          "calls at once; of \"anonymous\" per address or user; left out: no limit of its own"),
      add("subscribe", topic_patterns(), SLUICE_FIELD(subscribe),
          "topics whose events it may get; left out: none"),
      add("publish", topic_patterns(), SLUICE_FIELD(publish),
          "topics on which it may publish; left out: none"),
  };
  for (Key<ClientSettings>& each : keys) each.secret = each.name == "token_sha256";
  return keys;
}

Keys<MethodSettings> make_method_keys() {
  const auto add = [](auto... arguments) { return key<MethodSettings>(arguments...); };
  return {
      add("timeout", time_limit(), SLUICE_FIELD(timeout),
          "time limit of a call, in place of call_timeout; left out: call_timeout"),
      add("max_concurrent", count_between(1, kCallsMax), SLUICE_FIELD(max_concurrent),
          "calls of this method at once; left out: no limit of its own"),
      add("priority",
          one_of<std::optional<Priority>>(
              {{"low", Priority::low}, {"normal", Priority::normal}, {"high", Priority::high}}),
          SLUICE_FIELD(priority),
          "low ones are refused first, high ones leave a queue first; left out: normal"),
  };
}

template <typename Target>
TableDescription describe(std::string_view name, std::string_view header, const Keys<Target>& keys) {
  TableDescription table{name, header, {}};
  for (const auto& known : keys)
    table.keys.push_back({known.name, known.help, known.allowed, known.fallback});
  return table;
}

}  // namespace

const Keys<Settings>& server_keys() {
  static const Keys<Settings> keys = make_server_keys();
  return keys;
}

const Keys<ListenSettings>& listen_keys() {
  static const Keys<ListenSettings> keys = make_listen_keys();
  return keys;
}

const Keys<TlsSettings>& tls_keys() {
  static const Keys<TlsSettings> keys = make_tls_keys();
  return keys;
}

const Keys<Settings>& admin_keys() {
  static const Keys<Settings> keys = make_admin_keys();
  return keys;
}

const Keys<Settings>& admission_keys() {
  static const Keys<Settings> keys = make_admission_keys();
  return keys;
}

const Keys<Settings>& log_keys() {
  static const Keys<Settings> keys = make_log_keys();
  return keys;
}

const Keys<ClientSettings>& client_keys() {
  static const Keys<ClientSettings> keys = make_client_keys();
  return keys;
}

const Keys<MethodSettings>& method_keys() {
  static const Keys<MethodSettings> keys = make_method_keys();
  return keys;
}

const std::vector<TableDescription>& config_tables() {
  static const std::vector<TableDescription> tables = {
      describe("server", "[server]", server_keys()),
      describe("listen", "[[listen]]", listen_keys()),
      describe("listen.tls", "[listen.tls]", tls_keys()),
      describe("admin", "[admin]", admin_keys()),
      describe("admission", "[admission]", admission_keys()),
      describe("log", "[log]", log_keys()),
      describe("client", "[[client]]", client_keys()),
      describe("backend", "[[backend]]", backend_keys()),
      describe("backend.breaker", "[backend.breaker]", breaker_keys()),
      describe("backend.retry", "[backend.retry]", retry_keys()),
      describe("method", "[method.\"NAME\"]", method_keys()),
      describe("events", "[events]", event_keys()),
      describe("topic", "[topic.\"PATTERN\"]", topic_keys())};
  return tables;
}

}  // namespace sluice::daemon
