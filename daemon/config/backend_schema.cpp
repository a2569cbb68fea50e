// The keys of [[backend]] entries and the tables within them, and the kinds of values that only they hold.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/config/backends.hpp"
#include "daemon/config/key.hpp"
#include "lib/access/method_patterns.hpp"
#include "lib/backend/upstream/url.hpp"

namespace sluice::daemon {

namespace {

using core::BreakerSettings;
using core::kLongestWait;
using core::milliseconds;
using core::RetrySettings;
using core::seconds;

constexpr std::size_t kCountMax = 1024;
constexpr std::size_t kQueueMax = 1u << 24;
constexpr std::size_t kTextsMax = 1000;
constexpr milliseconds kBackendWaitMax = std::chrono::hours(24);

ValueKind<milliseconds> wait() { return duration_between(milliseconds(1), kBackendWaitMax); }

std::optional<std::vector<std::string>> texts_of(const ConfigValue& value) {
  const auto* texts = std::get_if<ConfigValue::Texts>(&value.content);
  if (!texts || texts->empty() || texts->size() > kTextsMax) return std::nullopt;
  const auto has_zero = [](std::string_view text) { return text.find('\0') != std::string_view::npos; };
  if (std::ranges::any_of(*texts, has_zero)) return std::nullopt;
  return std::vector<std::string>(texts->begin(), texts->end());
}

ValueKind<std::vector<std::string>> command() {
  return {"an array of a program and its arguments, such as [\"python3\", \"calc.py\"]",
          [](const ConfigValue& value) -> std::optional<std::vector<std::string>> {
            auto texts = texts_of(value);
            if (texts && texts->front().empty()) return std::nullopt;
            return texts;
          }};
}

ValueKind<std::string> plain_text(std::string allowed) {
  return {std::move(allowed), [](const ConfigValue& value) -> std::optional<std::string> {
            const auto* text = std::get_if<std::string_view>(&value.content);
            if (!text || text->find('\0') != std::string_view::npos) return std::nullopt;
            return std::string(*text);
          }};
}

bool is_url(std::string_view text) { return core::parse_upstream_url(text).has_value(); }

ValueKind<std::vector<std::string>> urls() {
  return {
      "a URL such as http://HOST:PORT/PATH (https://, ws://, wss:// likewise; user and password are keys of "
      "their own), tcp://HOST:PORT or unix:///path, or an array of them",
      [](const ConfigValue& value) -> std::optional<std::vector<std::string>> {
        if (const auto* text = std::get_if<std::string_view>(&value.content)) {
          if (!is_url(*text)) return std::nullopt;
          return std::vector<std::string>{std::string(*text)};
        }
        auto texts = texts_of(value);
        if (!texts || !std::ranges::all_of(*texts, is_url)) return std::nullopt;
        return texts;
      }};
}

ValueKind<BackendMethods> methods_or_discover() {
  return {"an array of names and prefixes such as \"calc.*\", or \"discover\"",
          [](const ConfigValue& value) -> std::optional<BackendMethods> {
            if (const auto* text = std::get_if<std::string_view>(&value.content)) {
              if (*text != "discover") return std::nullopt;
              return BackendMethods{{}, true};
            }
            auto texts = texts_of(value);
            if (!texts || !std::ranges::all_of(*texts, core::MethodPatterns::is_pattern)) return std::nullopt;
            return BackendMethods{std::move(*texts), false};
          }};
}

ValueKind<seconds> whole_seconds() {
  auto kind = duration_between(milliseconds(1000), kLongestWait);
  return {kind.allowed, [read = kind.read](const ConfigValue& value) -> std::optional<seconds> {
            const auto time = read(value);
            if (!time) return std::nullopt;
            return std::chrono::ceil<seconds>(*time);
          }};
}

Keys<BackendEntry> make_backend_keys() {
  const auto add = [](auto... arguments) { return key<BackendEntry>(arguments...); };
  return {
      add("name", client_name(), SLUICE_FIELD(settings.name),
          "its name in the log, metrics and errors; has to be given"),
      add("methods", methods_or_discover(), SLUICE_FIELD(methods),
          "methods that it serves; \"discover\": what it answers to rpc.discover; has to be given, but for a "
          "module"),
      add("queue", count_between(0, kQueueMax), SLUICE_FIELD(settings.queue),
          "calls that may wait for it; one more is refused with -32009"),
      add("dialect",
          one_of<core::Dialect>({{"auto", core::Dialect::automatic},
                                 {"jsonrpc", core::Dialect::jsonrpc},
                                 {"sluice", core::Dialect::sluice},
                                 {"lsp", core::Dialect::lsp}}),
          SLUICE_FIELD(settings.dialect),
          "members and framing of its messages, and how it learns of a cancelled call"),
      table_key<BackendEntry>("breaker", "circuit breaker: when it gets no calls for a while",
                              "a table, see [backend.breaker]"),
      add("command", command(), SLUICE_FIELD(child.command),
          "a program, started as child processes, that reads and writes one JSON-RPC message a line"),
      add("instances", count_between(1, kCountMax), SLUICE_FIELD(child.instances),
          "processes of the command"),
      add("concurrency", count_between(1, kCountMax), SLUICE_FIELD(concurrency),
          "calls at once per process or per connection; over HTTP always 1 per connection; left out: 1 per "
          "process, 64 per connection"),
      add("start", one_of<bool>({{"eager", false}, {"lazy", true}}), SLUICE_FIELD(child.lazy),
          "when a process starts: with the server, or at the first call"),
      add("kill_after", wait(), SLUICE_FIELD(child.kill_after),
          "time past a call's time limit, after which a process that hangs in it is killed"),
      table_key<BackendEntry>("env", "variables of the process's environment, beside the server's own",
                              R"(a table of strings, such as { LANG = "C.UTF-8" })"),
      add("watch", flag(), SLUICE_FIELD(child.watch),
          "new processes take the next calls when the program's file changes, or a file that an argument of "
          "command names; calls in flight are finished by the old ones"),
      add("env_clear", flag(), SLUICE_FIELD(child.environment_cleared),
          "the process gets nothing of the server's environment but PATH"),
      add("working_directory", plain_text("the name of a folder"), SLUICE_FIELD(child.directory),
          "where the process starts, and where paths in command begin; left out: the server's own"),
      add("user", plain_text("the name of a user"), SLUICE_FIELD(user),
          "of a command: the user that it runs as; of a url: the name for HTTP basic authentication; left "
          "out: the server's own, or no authentication"),
      add("password_file", plain_text("the name of a file"), SLUICE_FIELD(upstream.password_file),
          "file with the password of that user, for a url"),
      table_key<BackendEntry>(
          "headers", "sent with each HTTP request and WebSocket handshake to a url",
          R"(a table of strings and files, such as { X-Key = "abc", Authorization = { file = "node.token" } })"),
      add("memory_limit", size_between(1u << 20, kMemoryMax), SLUICE_FIELD(child.memory_bytes_max),
          "address space of a process; left out: the server's own limit"),
      add("cpu_limit", whole_seconds(), SLUICE_FIELD(child.cpu_time_max),
          "CPU time of a process's life, in whole seconds; left out: the server's own limit"),
      add("url", urls(), SLUICE_FIELD(upstream.urls),
          "one or more JSON-RPC servers that serve the same methods"),
      add("strip_prefix", plain_text("the beginning of methods' names"), SLUICE_FIELD(upstream.strip_prefix),
          "taken off the names of methods before they are sent; left out: nothing"),
      add("connections", count_between(1, kCountMax), SLUICE_FIELD(upstream.connections),
          "connections per URL at most"),
      add("connect_timeout", wait(), SLUICE_FIELD(upstream.connect_timeout),
          "time for a connection, with the handshakes of TLS and WebSocket"),
      add("idle_timeout", wait(), SLUICE_FIELD(upstream.idle_timeout),
          "time without calls, after which a connection is closed"),
      add("probe_interval", wait(), SLUICE_FIELD(upstream.probe_interval),
          "time between attempts to connect to a URL that refuses connections or has none"),
      table_key<BackendEntry>("retry", "which calls are sent again after a failure",
                              "a table, see [backend.retry]"),
      add("hedge", method_patterns(), SLUICE_FIELD(upstream.hedge),
          "methods that are sent a second time if the answer takes longer than the p95; left out: none"),
      add("ca", file_name(), SLUICE_FIELD(upstream.ca),
          "authorities that may sign the upstream's certificate; left out: those that this system trusts"),
      add("module", plain_text("the file of a shared object"), SLUICE_FIELD(settings.module),
          "a shared object with methods in C++, built against libsluice"),
  };
}

Keys<BreakerSettings> make_breaker_keys() {
  const auto add = [](auto... arguments) { return key<BreakerSettings>(arguments...); };
  return {
      add("failures", count_between(0, kCountMax), SLUICE_FIELD(failures),
          "failed calls within the window that open it, after which calls are refused; 0: never"),
      add("window", wait(), SLUICE_FIELD(window), "time for which a failure counts"),
      add("open", wait(), SLUICE_FIELD(open),
          "time that it stays open, before one call is let through to try"),
      add("slow", duration_between(milliseconds(0), kBackendWaitMax), SLUICE_FIELD(slow),
          "calls that take longer count as failed; 0: none"),
  };
}

Keys<RetrySettings> make_retry_keys() {
  const auto add = [](auto... arguments) { return key<RetrySettings>(arguments...); };
  return {
      add("attempts", count_between(1, 10), SLUICE_FIELD(attempts),
          "times that a call is sent at most, the first included"),
      add("backoff", wait(), SLUICE_FIELD(backoff),
          "upper bound of the random pause before the second attempt; doubles with each attempt"),
      add("methods", method_patterns(), SLUICE_FIELD(methods),
          "methods that may run twice; left out: none, and nothing is sent again"),
  };
}

}  // namespace

const Keys<BackendEntry>& backend_keys() {
  static const Keys<BackendEntry> keys = make_backend_keys();
  return keys;
}

const Keys<BreakerSettings>& breaker_keys() {
  static const Keys<BreakerSettings> keys = make_breaker_keys();
  return keys;
}

const Keys<RetrySettings>& retry_keys() {
  static const Keys<RetrySettings> keys = make_retry_keys();
  return keys;
}

}  // namespace sluice::daemon
