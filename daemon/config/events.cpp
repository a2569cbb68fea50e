#include "daemon/config/events.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "daemon/config/node.hpp"
#include "lib/observe/log.hpp"
#include "lib/server/event_rules.hpp"

namespace sluice::daemon {
namespace {

using core::EventSettings;
using core::SlowPolicy;
using core::TopicSettings;

const toml::node* find(const toml::table& document, std::string_view table, std::string_view key) {
  const toml::table* const found = document.get_as<toml::table>(table);
  return found == nullptr ? nullptr : found->get(key);
}

// The listener's own path, where it is given, else where its entry begins.
SourceLocation location_in_listener(const toml::table& document, std::string_view path,
                                    std::string_view value) {
  const toml::array* const listeners = document.get_as<toml::array>("listen");
  if (listeners == nullptr) return {};
  for (const toml::node& entry : *listeners) {
    const toml::table* const table = entry.as_table();
    const auto* given = table == nullptr ? nullptr : table->get_as<std::string>(path);
    if (given != nullptr && given->get() == value) return location_of(*given);
  }
  return {};
}

SourceLocation clash_location(const toml::table& document, std::string_view path, std::string_view value) {
  const toml::node* const given = find(document, "events", "http_path");
  return given != nullptr ? location_of(*given) : location_in_listener(document, path, value);
}

class Doubts {
 public:
  Doubts(const EventSettings& events, const toml::table& document) : events_(events), document_(document) {
    check_sizes();
    for (const auto& [pattern, topic] : events.topics) check_topic(pattern, topic);
  }
  std::vector<EventProblem> take() { return std::move(doubts_); }

 private:
  void warn(const toml::node& where, std::string message) {
    doubts_.push_back({location_of(where), std::move(message)});
  }

  void check_sizes() {
    if (events_.event_bytes_max <= events_.queue_bytes_max) return;
    const toml::node* where = find(document_, "events", "max_event");
    if (where == nullptr) where = find(document_, "events", "queue_bytes");
    if (where != nullptr) {
      warn(*where,
           "events.max_event is more than events.queue_bytes: a subscription is slow as soon as one "
           "such event waits");
    }
  }

  void check_topic(const std::string& pattern, const TopicSettings& topic) {
    const auto* const topics = document_.get_as<toml::table>("topic");
    const auto* const table = topics == nullptr ? nullptr : topics->get_as<toml::table>(pattern);
    if (table == nullptr) return;
    const std::string title = fmt::format("topic.\"{}\"", core::printable(pattern));
    for (const char* key : {"history_bytes", "history_age"}) {
      const toml::node* const given = table->get(key);
      if (given == nullptr || topic.history_events_max > 0) continue;
      warn(*given, fmt::format("{}.{} has no effect without {}.history", title, key, title));
    }
    const toml::node* const key = table->get("key");
    if (key == nullptr || topic.key.empty()) return;
    if (topic.slow.value_or(events_.slow) == SlowPolicy::conflate) return;
    warn(*key, fmt::format("{}.key has no effect unless slow = \"conflate\"", title));
  }

  const EventSettings& events_;
  const toml::table& document_;
  std::vector<EventProblem> doubts_;
};

}  // namespace

std::vector<EventProblem> event_problems(const core::Settings& settings, const toml::table& document) {
  std::vector<EventProblem> problems;
  const EventSettings& events = settings.events;
  for (const core::ListenSettings& listener : settings.listeners) {
    const std::string_view path = core::events_path_clash(events, listener);
    if (path.empty()) continue;
    problems.push_back(
        {clash_location(document, path, events.http_path),
         fmt::format("events.http_path = \"{0}\" is listen.{1} of \"{2}\" as well; it takes "
                     "another path, or \"\" for none",
                     core::printable(events.http_path), path, core::printable(listener.address))});
    break;
  }
  if (events.topics.size() > core::kTopicEntriesMax) {
    problems.push_back(
        {location_of(*document.get("topic")), fmt::format("topic has {} entries; it takes at most {}",
                                                          events.topics.size(), core::kTopicEntriesMax)});
  }
  return problems;
}

std::vector<EventProblem> event_doubts(const EventSettings& events, const toml::table& document) {
  return Doubts(events, document).take();
}

}  // namespace sluice::daemon
