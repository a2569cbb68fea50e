// Client options: who may call a server, and what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

// A client: its credentials and its rights. One matching credential is enough. The client "anonymous" has no
// credentials, and holds the rights of unauthenticated callers; its limits apply to each of their peers.
struct ClientOptions {
  std::string name{};          // unique; shown in the log
  std::string token_sha256{};  // 64 hexadecimal digits, as `sluice token` prints them; empty: no token
  std::optional<std::uint32_t> user{};   // numeric user id of a Unix socket's peer
  std::optional<std::uint32_t> group{};  // or the id of one of its groups
  std::string certificate{};  // subject of a verified TLS certificate, such as "CN=deploy"; empty: none
  // Names, prefixes ("calc.*", "*") and exclusions of both ("!calc.reset"), which win; absent: all methods.
  std::optional<std::vector<std::string>> methods{};
  double rate = 0;                // calls per second; 0: no limit
  std::size_t burst = 0;          // calls at once after a pause; 0: twice the rate
  std::size_t max_in_flight = 0;  // calls in flight; 0: no limit of its own
  // Topics, prefixes ("orders.*") or "*"; empty: none.
  std::vector<std::string> subscribe{};  // whose events it may get
  std::vector<std::string> publish{};    // on which it may publish
};

}  // namespace sluice
