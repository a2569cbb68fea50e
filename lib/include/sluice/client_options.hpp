// Who may call a server, and what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

// A client, by what it proves and what it may do. One of its proofs is enough. The one called "anonymous" has
// none, and says what those may do whose proofs are nobody's; its limits hold for each of their peers.
struct ClientOptions {
  std::string name{};                   // of its own; shown in the log
  std::string token_sha256{};           // 64 hexadecimal digits, which `sluice token` prints; empty: no token
  std::optional<std::uint32_t> user{};  // the numeric id of a Unix socket's peer
  std::optional<std::uint32_t> group{};  // or of one of its groups
  std::string certificate{};             // subject of a verified TLS certificate, as "CN=deploy"; empty: none
  // Names, prefixes ("calc.*", "*") and exclusions of both ("!calc.reset"), which win; absent: all methods.
  std::optional<std::vector<std::string>> methods{};
  double rate = 0;                // calls per second; 0: no limit
  std::size_t burst = 0;          // calls at once after a pause; 0: twice the rate
  std::size_t max_in_flight = 0;  // calls that have not ended; 0: no limit of its own
};

}  // namespace sluice
