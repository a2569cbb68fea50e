// Child failure: why a child process could not be started.
#pragma once

#include <string>

namespace sluice::core {

// What could not be done, in words: "python3: No such file or directory".
struct ChildFailure {
  std::string what;
};

}  // namespace sluice::core
