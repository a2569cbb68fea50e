// How many connections the process's limit of descriptors leaves room for.
#pragma once

#include <cstddef>

#include "lib/server/settings.hpp"

namespace sluice::core {

// What the server keeps for itself beside what is open already: connections to the admin listener, files of a
// reload, a name to be looked up.
inline constexpr std::size_t kDescriptorReserve = 8;

// How many descriptors backends need at once: a process's pipes and its end, also while it is started, and
// the connections to upstreams.
std::size_t backend_descriptors(const Settings& settings);

// `max_connections`, or less where the descriptors don't suffice: `limit` of them may be open, and `open`
// are, without backends and connections. At least 1. Pure.
std::size_t connections_within(const Settings& settings, std::size_t limit, std::size_t open);

struct Descriptors {
  std::size_t limit = 0;
  std::size_t open = 0;
};

// Of this process, now.
Descriptors count_descriptors();

}  // namespace sluice::core
