// Child user: the user that a child process runs as.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "lib/backend/child_failure.hpp"
#include "lib/base/result.hpp"

namespace sluice::core {

// An entry of the system's user database, with the user's groups.
struct ChildUser {
  std::string name;
  std::string home;
  std::string shell;
  uid_t id = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};

// Asks the name service, which may wait for a server: not for the thread of an event loop.
Result<ChildUser, ChildFailure> find_child_user(const std::string& name);

}  // namespace sluice::core
