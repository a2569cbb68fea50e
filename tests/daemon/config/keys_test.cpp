#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "daemon/config/reader.hpp"
#include "daemon/config/schema.hpp"

namespace sluice::daemon {
namespace {

using namespace std::chrono_literals;
using core::LogFormat;
using core::Settings;

// The settings of a text without errors.
Settings settings_of(std::string_view text) {
  LoadedConfig loaded = parse_config(text, "test.toml");
  for (const ConfigError& error : loaded.errors) FAIL_CHECK(error.text());
  return loaded.settings;
}

void check_same(const Settings& a, const Settings& b) {
  CHECK(a.io_threads == b.io_threads);
  CHECK(a.limits.busy_poll == b.limits.busy_poll);
  CHECK(a.workers == b.workers);
  CHECK(a.worker_queue == b.worker_queue);
  CHECK(a.max_in_flight == b.max_in_flight);
  CHECK(a.max_connections == b.max_connections);
  CHECK(a.limits.connection_window == b.limits.connection_window);
  CHECK(a.limits.message_bytes_max == b.limits.message_bytes_max);
  CHECK(a.limits.response_bytes_max == b.limits.response_bytes_max);
  CHECK(a.limits.batch_entries_max == b.limits.batch_entries_max);
  CHECK(a.limits.batch_width == b.limits.batch_width);
  CHECK(a.limits.output_bytes_max == b.limits.output_bytes_max);
  CHECK(a.limits.call_timeout == b.limits.call_timeout);
  CHECK(a.limits.idle_timeout == b.limits.idle_timeout);
  CHECK(a.limits.message_timeout == b.limits.message_timeout);
  CHECK(a.limits.write_timeout == b.limits.write_timeout);
  CHECK(a.limits.slow_call == b.limits.slow_call);
  CHECK(a.drain_timeout == b.drain_timeout);
  CHECK(a.listeners == b.listeners);
  CHECK(a.admin_address == b.admin_address);
  CHECK(a.log.level == b.log.level);
  CHECK(a.log.format == b.log.format);
  CHECK(a.methods.size() == b.methods.size());
  CHECK(a.events == b.events);
}

TEST_CASE("Config: empty text is the defaults") {
  for (const auto text :
       {"", "\n", "# nothing\n", "\xEF\xBB\xBF", "[server]\n[admin]\n[log]\n[method]\n[events]\n[topic]\n"}) {
    CAPTURE(text);
    check_same(settings_of(text), Settings{});
  }
}

TEST_CASE("Config: the defaults written out are the defaults") {
  check_same(settings_of(R"(
[server]
io_threads = 0
busy_poll = true
workers = 0
worker_queue = 1024
max_in_flight = 0
connection_window = 128
max_connections = 10000
max_message = "4MiB"
max_response = "16MiB"
max_batch = 1000
batch_width = 16
max_output_buffer = "16MiB"
call_timeout = "30s"
idle_timeout = "11m"
message_timeout = "30s"
write_timeout = "10s"
drain_timeout = "20s"
[[listen]]
address = "tcp://127.0.0.1:7070"
[admin]
address = "tcp://127.0.0.1:7071"
[log]
level = "info"
format = "text"
slow_call = "1s"
)"),
             Settings{});
}

TEST_CASE("Config: every key of [server] is stored in its own member") {
  const Settings settings = settings_of(R"(
[server]
io_threads = 3
busy_poll = false
workers = 5
worker_queue = 7
max_in_flight = 11
connection_window = 13
max_connections = 17
max_message = "19KiB"
max_response = 23
max_batch = 29
batch_width = 31
max_output_buffer = "1GiB"
call_timeout = "37ms"
idle_timeout = "41s"
message_timeout = "43m"
write_timeout = "47h"
drain_timeout = "0s"
ping_interval = "53s"
max_connections_per_peer = 59
max_memory = "61MiB"
)");
  CHECK(settings.limits.ping_interval == 53s);
  CHECK(settings.max_connections_per_peer == 59);
  CHECK(settings.memory_bytes_max == std::size_t{61} << 20);
  CHECK(settings.io_threads == 3);
  CHECK_FALSE(settings.limits.busy_poll);
  CHECK(settings.workers == 5);
  CHECK(settings.worker_queue == 7);
  CHECK(settings.max_in_flight == 11);
  CHECK(settings.limits.connection_window == 13);
  CHECK(settings.max_connections == 17);
  CHECK(settings.limits.message_bytes_max == 19 * proto::kKiB);
  CHECK(settings.limits.response_bytes_max == 23);
  CHECK(settings.limits.batch_entries_max == 29);
  CHECK(settings.limits.batch_width == 31);
  CHECK(settings.limits.output_bytes_max == 1024 * proto::kMiB);
  CHECK(settings.limits.call_timeout == 37ms);
  CHECK(settings.limits.idle_timeout == 41s);
  CHECK(settings.limits.message_timeout == 43min);
  CHECK(settings.limits.write_timeout == 47h);
  CHECK(settings.drain_timeout == 0ms);
}

TEST_CASE("Config: every key of [log] and [admin] is stored") {
  const Settings settings = settings_of(R"(
admin = { address = "" }
[log]
level = "trace"
format = "json"
slow_call = "0s"
)");
  CHECK(settings.admin_address.empty());
  CHECK(settings.log.level == "trace");
  CHECK(settings.log.format == LogFormat::json);
  CHECK(settings.limits.slow_call == 0ms);
  for (const std::string level : {"debug", "info", "warn", "error"}) {
    CHECK(settings_of("log.level = '" + level + "'").log.level == level);
  }
}

core::ListenSettings listener(std::string address, std::uint32_t mode, bool insecure) {
  core::ListenSettings wanted(std::move(address));
  wanted.mode = mode;
  wanted.insecure = insecure;
  return wanted;
}

TEST_CASE("Config: listeners that are given replace the default one, in their order") {
  const Settings settings = settings_of(R"(
[[listen]]
address = "unix:///run/sluice/sluice.sock"
mode = "0600"
[[listen]]
address = "tcp://[::1]:0"
[[listen]]
address = "tcp://0.0.0.0:9000"
insecure = true
)");
  REQUIRE(settings.listeners.size() == 3);
  CHECK(settings.listeners[0] == listener("unix:///run/sluice/sluice.sock", 0600, false));
  CHECK(settings.listeners[1] == listener("tcp://[::1]:0", 0660, false));
  CHECK(settings.listeners[2] == listener("tcp://0.0.0.0:9000", 0660, true));
}

TEST_CASE(
    "Config: a listener's keys for browsers, proxies and load balancers are stored in their own locations") {
  const Settings settings = settings_of(R"(
[[listen]]
address = "tcp://[::1]:0"
allowed_headers = ["X-Trace"]
subprotocols = ["calc.v1"]
health_path = ""
proxy_protocol = true
dual_stack = true
insecure = true
[admission]
fair = false
)");
  REQUIRE(settings.listeners.size() == 1);
  const auto& given = settings.listeners.front();
  CHECK(given.allowed_headers == std::vector<std::string>{"X-Trace"});
  CHECK(given.subprotocols == std::vector<std::string>{"calc.v1"});
  CHECK(given.health_path.empty());
  CHECK(given.proxy_protocol);
  CHECK(given.dual_stack);
  CHECK_FALSE(settings.admission.fair);
}

TEST_CASE("Config: an array of inline tables is the same as [[listen]]") {
  const Settings settings = settings_of(R"(listen = [{ address = "unix:///a", mode = "0666" }])");
  REQUIRE(settings.listeners.size() == 1);
  CHECK(settings.listeners[0] == listener("unix:///a", 0666, false));
}

TEST_CASE("Config: any number of listeners may ask for any free port") {
  CHECK(settings_of(R"(
listen = [{ address = "tcp://127.0.0.1:0" }, { address = "tcp://127.0.0.1:0" }]
admin.address = "tcp://127.0.0.1:0"
)")
            .listeners.size() == 2);
}

TEST_CASE("Config: a method's entry sets only what it names") {
  const Settings settings = settings_of(R"(
[method."demo.sleep"]
timeout = "2s"
max_concurrent = 4
[method."demo.*"]
max_concurrent = 8
[method.plain]
timeout = "1h"
[method."*"]
)");
  REQUIRE(settings.methods.size() == 4);
  CHECK(settings.methods.at("demo.sleep").timeout == 2s);
  CHECK(settings.methods.at("demo.sleep").max_concurrent == 4);
  CHECK_FALSE(settings.methods.at("demo.*").timeout);
  CHECK(settings.methods.at("demo.*").max_concurrent == 8);
  CHECK(settings.methods.at("plain").timeout == 1h);
  CHECK_FALSE(settings.methods.at("*").timeout);
}

TEST_CASE("Config: every key is described for people") {
  std::size_t keys = 0;
  for (const TableDescription& table : config_tables()) {
    CAPTURE(table.name);
    for (const KeyDescription& key : table.keys) {
      CAPTURE(key.name);
      CHECK_FALSE(key.help.empty());
      CHECK_FALSE(key.allowed.empty());
      ++keys;
    }
  }
  CHECK(keys == 111);
}

}  // namespace
}  // namespace sluice::daemon
