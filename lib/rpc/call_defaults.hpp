// Call defaults: a transport's headers that apply to a message's calls.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>

#include "proto/request.hpp"

namespace sluice::core {

// Views last as long as the message's text.
struct CallDefaults {
  std::optional<std::chrono::milliseconds> timeout;  // shortens a call's own, never lengthens it
  std::string_view traceparent;                      // of calls that have none
  std::string_view header_error;  // why it is invalid, and no call is to be run with it; empty: it is valid

  void apply(proto::Request& request) const {
    if (timeout) request.timeout = std::min(request.timeout.value_or(*timeout), *timeout);
    if (request.traceparent.empty()) request.traceparent = traceparent;
  }
};

}  // namespace sluice::core
