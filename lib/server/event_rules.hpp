// Validation of the settings of events, from a configuration file or from a program. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "lib/base/text_form.hpp"
#include "lib/events/settings.hpp"
#include "lib/time/durations.hpp"
#include "lib/transport/tls/listen_settings.hpp"

namespace sluice::core {

// The highest values of the settings: far beyond what is sensible, short of what breaks.
inline constexpr std::size_t kTopicEntriesMax = 1024;  // [topic] entries
inline constexpr std::size_t kConnectionSubscriptionsMax = 1 << 20;
inline constexpr std::size_t kSubscriptionsMax = 1 << 24;  // of the server
inline constexpr std::size_t kEventsMax = 1 << 24;         // that wait for a subscription, or in a history
inline constexpr std::size_t kEventQueueBytesMax = std::size_t{1} << 40;  // of a subscription, or a history
inline constexpr milliseconds kFirstEventDelayMax = seconds(10);

// Form of the path of SSE by GET: an HTTP request's path, or empty.
const TextForm& events_path_form();
// Form of TopicSettings::key: a JSON pointer (RFC 6901) of at most 255 bytes, or empty.
const TextForm& event_key_form();
// Form of a name in EventSettings::topics.
const TextForm& topic_entry_form();

// Which path of the listener is that of events as well: "http_path" or "health_path"; empty: none.
std::string_view events_path_clash(const EventSettings& events, const ListenSettings& listener);

// Throws std::invalid_argument for the first problem; its text begins with "events." or "topic.".
void check_events(const EventSettings& events, const std::vector<ListenSettings>& listeners);

}  // namespace sluice::core
