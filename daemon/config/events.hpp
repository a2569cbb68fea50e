// Checks of [events] and [topic] entries beyond the form of their values.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/precheck.hpp"
#include "daemon/config/toml.hpp"
#include "lib/server/settings.hpp"

namespace sluice::daemon {

struct EventProblem {
  SourceLocation where;
  std::string message;
};

// Errors: a path that a listener has already, too many [topic] entries. `document` shows where they stand.
std::vector<EventProblem> event_problems(const core::Settings& settings, const toml::table& document);

// Warnings about settings that have no effect, or an unintended one.
std::vector<EventProblem> event_doubts(const core::EventSettings& events, const toml::table& document);

}  // namespace sluice::daemon
