// Host look-up: addresses of host names to listen on, resolved in parallel.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/base/result.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

inline constexpr auto kLookupTime = std::chrono::seconds(5);  // for all names of a start or reload

// A socket address of either family.
struct HostAddress {
  sockaddr_storage name{};
  socklen_t size = 0;

  void set_port(std::uint16_t port);
};

// The reason why a name has no address.
struct LookupProblem {
  std::string what;
};

// Looks up all names at once, each on a thread of its own. When the time is over, the threads are left to end
// by themselves: the system's resolver can't be interrupted, and may take as long as its name servers do. Not
// thread-safe.
class HostLookups {
 public:
  static constexpr int kLookupsMax = 64;  // at once, including abandoned ones

  // Begins at once, except for hosts that are addresses. Waits end at `until`, or when `stop` is requested.
  HostLookups(const std::vector<std::string>& hosts, TimePoint until, std::stop_token stop = {});

  // The addresses, with port 0, in the resolver's order, at least one and without duplicates. Waits.
  Result<std::vector<HostAddress>, LookupProblem> addresses_of(const std::string& host);

 private:
  struct Lookup;

  void begin(const std::string& host);

  const TimePoint until_;
  const std::stop_token stop_;
  std::map<std::string, std::shared_ptr<Lookup>> lookups_;
};

}  // namespace sluice::core
