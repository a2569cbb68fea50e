// Descriptor budget: how many connections the process's limit of descriptors allows.
#pragma once

#include <cstddef>

#include "lib/server/settings.hpp"

namespace sluice::core {

// Reserve of the server beside open descriptors: connections to the admin listener, files of a reload, a name
// look-up.
inline constexpr std::size_t kDescriptorReserve = 8;

// Descriptors that backends need at once: a process's pipes and pidfd, more while it is started, and the
// connections to upstreams.
std::size_t backend_descriptors(const Settings& settings);

// `max_connections`, or less if descriptors don't suffice: `limit` may be open, and `open` are, without
// backends and connections. At least 1. Pure.
std::size_t connections_within(const Settings& settings, std::size_t limit, std::size_t open);

struct Descriptors {
  std::size_t limit = 0;
  std::size_t open = 0;
};

// The current descriptors of this process.
Descriptors count_descriptors();

}  // namespace sluice::core
