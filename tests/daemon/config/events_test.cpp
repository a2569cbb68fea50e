// [events], [topic] entries, and what they clash with.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/reader.hpp"
#include "tests/daemon/config/parse_errors.hpp"

namespace sluice::daemon {
namespace {

using namespace std::chrono_literals;
using core::EventSettings;
using core::SlowPolicy;
using testing::contains;
using testing::error_of;
using testing::errors_of;

EventSettings events_of(std::string_view text) {
  LoadedConfig loaded = parse_config(text, "f.toml");
  for (const ConfigError& error : loaded.errors) FAIL_CHECK(error.text());
  return loaded.settings.events;
}

std::vector<std::string> warnings_of(std::string_view text) {
  const LoadedConfig loaded = parse_config(text, "f.toml");
  CHECK(loaded.ok());
  std::vector<std::string> lines;
  for (const ConfigError& warning : loaded.warnings) lines.push_back(warning.warning_text());
  return lines;
}

TEST_CASE("Config events: the defaults written out are the defaults") {
  CHECK(events_of(R"(
[events]
max_subscriptions = 1024
max_subscriptions_total = 100000
queue = 1024
queue_bytes = "1MiB"
slow = "close"
slow_grace = "5s"
max_event = "256KiB"
heartbeat = "15s"
http_path = "/events"
first_event_delay = "20ms"
)") == EventSettings());
  const auto topics =
      events_of("[topic.\"a\"]\nhistory = 0\nhistory_bytes = \"8MiB\"\nhistory_age = \"10m\"\nkey = \"\"\n")
          .topics;
  CHECK(topics.at("a") == core::TopicSettings());
}

TEST_CASE("Config events: every key of [events] is stored in its own member") {
  const EventSettings events = events_of(R"(
[events]
max_subscriptions = 3
max_subscriptions_total = 5
queue = 7
queue_bytes = "11KiB"
slow = "drop_oldest"
slow_grace = "0s"
max_event = 13
heartbeat = "17ms"
http_path = ""
first_event_delay = "0ms"
)");
  CHECK(events.connection_subscriptions_max == 3);
  CHECK(events.subscriptions_max == 5);
  CHECK(events.queue_events_max == 7);
  CHECK(events.queue_bytes_max == 11 * proto::kKiB);
  CHECK(events.slow == SlowPolicy::drop_oldest);
  CHECK(events.slow_grace == 0ms);
  CHECK(events.event_bytes_max == 13);
  CHECK(events.heartbeat == 17ms);
  CHECK(events.http_path.empty());
  CHECK(events.first_event_delay == 0ms);
}

TEST_CASE("Config events: a topic's entry sets only what it names") {
  const auto topics = events_of(R"(
[topic."orders.*"]
history = 1000
history_bytes = "1MiB"
history_age = "1h"
key = "/id"
slow = "conflate"
[topic.jobs]
slow = "close"
[topic."*"]
)")
                          .topics;
  REQUIRE(topics.size() == 3);
  const core::TopicSettings& orders = topics.at("orders.*");
  CHECK(orders.history_events_max == 1000);
  CHECK(orders.history_bytes_max == proto::kMiB);
  CHECK(orders.history_age_max == 1h);
  CHECK(orders.key == "/id");
  CHECK(orders.slow == SlowPolicy::conflate);
  CHECK(topics.at("jobs").slow == SlowPolicy::close);
  CHECK(topics.at("*") == core::TopicSettings());
}

TEST_CASE("Config events: values without sense are refused") {
  for (const std::string line :
       {"max_subscriptions = 0", "max_subscriptions = 1048577", "max_subscriptions_total = 0",
        "max_subscriptions_total = 16777217", "queue = 0", "queue = 16777217", "queue = \"1KiB\"",
        "queue_bytes = 0", "queue_bytes = \"1025GiB\"", "slow = \"drop\"", "slow = true", "slow_grace = 5",
        "max_event = 0", "max_event = \"2GiB\"", "heartbeat = \"0s\"", "http_path = \"events\"",
        "http_path = \"/a b\"", "first_event_delay = \"11s\""}) {
    CAPTURE(line);
    const std::string key = line.substr(0, line.find(' '));
    const std::string error = error_of("[events]\n" + line);
    CHECK(error.starts_with("f.toml:2:" + std::to_string(key.size() + 4) + ": events." + key + " = "));
    CHECK(contains(error, " is not allowed; it takes "));
  }
  for (const std::string line :
       {"history = -1", "history = 16777217", "history_bytes = 0", "history_age = \"0ms\"", "key = \"id\"",
        "key = \"/a~2\"", "key = [\"/id\"]", "slow = \"none\""}) {
    CAPTURE(line);
    const std::string key = line.substr(0, line.find(' '));
    const std::string error = error_of("[topic.\"a.*\"]\n" + line);
    CHECK(error.starts_with("f.toml:2:" + std::to_string(key.size() + 4) + ": topic.\"a.*\"." + key + " = "));
    CHECK(contains(error, " is not allowed; it takes "));
  }
}

TEST_CASE("Config events: unknown keys are refused, and likely ones suggested") {
  CHECK(error_of("[events]\nqueue_size = 1") ==
        "f.toml:2:1: events.queue_size is not a known key; did you mean queue?");
  CHECK(error_of("[topic.a]\nhistry = 1") ==
        "f.toml:2:1: topic.\"a\".histry is not a known key; did you mean history?");
  CHECK(contains(error_of("[server]\nmax_subscriptions = 1"), "[events]"));
  CHECK(contains(error_of("[event]\n"), "did you mean events?"));
  CHECK(contains(error_of("events = 1"), "events is 1; it has to be one table"));
}

TEST_CASE("Config events: names of topics' entries") {
  CHECK(error_of("topic = 1") ==
        "f.toml:1:9: topic is 1; each topic is a table of its own, such as [topic.\"orders.*\"]");
  CHECK(error_of("[topic.orders.eu]\nhistory = 1") ==
        "f.toml:1:8: topic.\"orders\" has tables inside; a name with dots is written in quotes, such as "
        "[topic.\"orders.*\"]");
  for (const std::string name : {"", "a*", "a..b", "!a", "a b"}) {
    CAPTURE(name);
    CHECK(error_of("[topic.\"" + name + "\"]") ==
          "f.toml:1:8: topic.\"" + name +
              "\" is not a topic pattern; allowed is a topic of letters, digits, _ and - with single dots "
              "between "
              "them, a prefix such as \"orders.*\", or \"*\", of at most 255 bytes");
  }
}

TEST_CASE("Config events: more entries of topics than the bound are refused") {
  std::string text;
  for (int i = 0; i < 1024; ++i) text += "[topic.t" + std::to_string(i) + "]\n";
  CHECK(errors_of(text).empty());
  CHECK(contains(error_of(text + "[topic.more]\n"), ": topic has 1025 entries; it takes at most 1024"));
}

TEST_CASE("Config events: the path of events differs from all paths of listeners") {
  const std::string listen = "[[listen]]\naddress = \"tcp://127.0.0.1:1\"\n";
  const std::string rest = " of \"tcp://127.0.0.1:1\" as well; it takes another path, or \"\" for none";
  CHECK(error_of(listen + "http_path = \"/events\"") ==
        "f.toml:3:13: events.http_path = \"/events\" is listen.http_path" + rest);
  CHECK(error_of(listen + "health_path = \"/events\"") ==
        "f.toml:3:15: events.http_path = \"/events\" is listen.health_path" + rest);
  CHECK(error_of(listen + "[events]\nhttp_path = \"/\"") ==
        "f.toml:4:13: events.http_path = \"/\" is listen.http_path" + rest);
  CHECK(errors_of(listen + "http_path = \"/events\"\n[events]\nhttp_path = \"/stream\"").empty());
  CHECK(errors_of(listen + "health_path = \"\"\n[events]\nhttp_path = \"\"").empty());
}

TEST_CASE("Config events: settings without effect are warnings") {
  CHECK(warnings_of("[topic.\"a.*\"]\nhistory_age = \"1m\"\nhistory_bytes = 9\n") ==
        std::vector<std::string>{
            "f.toml:3:17: warning: topic.\"a.*\".history_bytes has no effect without topic.\"a.*\".history",
            "f.toml:2:15: warning: topic.\"a.*\".history_age has no effect without topic.\"a.*\".history"});
  CHECK(warnings_of("[topic.a]\nhistory_age = \"1m\"\nhistory = 1\n").empty());
  CHECK(warnings_of("[topic.a]\nkey = \"/id\"\n") ==
        std::vector<std::string>{
            "f.toml:2:7: warning: topic.\"a\".key has no effect unless slow = \"conflate\""});
  CHECK(warnings_of("[topic.a]\nkey = \"/id\"\nslow = \"conflate\"\n").empty());
  CHECK(warnings_of("[topic.a]\nkey = \"/id\"\n[events]\nslow = \"conflate\"\n").empty());
  CHECK(warnings_of("[topic.a]\nkey = \"\"\n").empty());
}

TEST_CASE("Config events: a queue that is shorter than one event is a warning") {
  const std::string message =
      "warning: events.max_event is more than events.queue_bytes: a subscription is slow as soon as one such "
      "event waits";
  CHECK(warnings_of("[events]\nqueue_bytes = \"1KiB\"\n") ==
        std::vector<std::string>{"f.toml:2:15: " + message});
  CHECK(warnings_of("[events]\nqueue_bytes = 1\nmax_event = 2\n") ==
        std::vector<std::string>{"f.toml:3:13: " + message});
  CHECK(warnings_of("[events]\nqueue_bytes = 2\nmax_event = 2\n").empty());
}

}  // namespace
}  // namespace sluice::daemon
