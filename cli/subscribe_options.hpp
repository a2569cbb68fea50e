// Options of `sluice subscribe`.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::client {

struct SubscribeOptions {
  std::string from = "now";  // now, last, or a position
  std::string filter;        // a JSON object; empty: none
  std::uint64_t count = 0;   // events until the end; 0: without end
  bool full = false;         // whole notifications instead of their results
};

}  // namespace sluice::client
