// Request writer: one call as a line of JSON.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::client {

// Members that a user may add to every call of a command.
struct CallSettings {
  std::optional<std::chrono::milliseconds> deadline;  // sent as timeout_ms; at least 1 ms
  std::string traceparent;                            // sent as it is; empty: none
  bool notes = false;                                 // the server's notes of the call are wanted
};

// The settings as members, each with a comma in front; empty where nothing is set.
std::string settings_members(const CallSettings& settings);

// A message as one line ending in a newline. `params` and `id` are JSON texts that go
// in as they are (white space between the tokens of params is dropped if it has
// newlines, for servers that read line by line); empty leaves the member out, and a
// message without id is a notification.
std::string make_request(std::string_view method, std::string_view params, std::string_view id,
                         const CallSettings& settings);

}  // namespace sluice::client
