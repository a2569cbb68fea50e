// Module loader: methods from shared objects in C++.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/sha256.hpp"
#include "lib/include/sluice/method.hpp"

namespace sluice::core {

struct LoadedModule {
  std::vector<MethodSpec> methods;
  Sha256 content{};  // of the file that they are out of
};

struct ModuleProblem {
  std::string what;  // goes on from the file's name: "is not a module", "was built against ..."
};

inline constexpr std::size_t kModuleBytesMax = std::size_t{1} << 30;

// Whether the file is a module whose build is this server's. Reads the file and runs none of its code.
Result<void, ModuleProblem> check_module(const std::string& file);

// Checks and loads it, for the life of the process: the code of a handler that runs can't be taken away. What
// is loaded is a copy in memory, so that the file may be overwritten; where it has been by the next time, the
// new content is loaded beside the old one. The same content is loaded once. Throws std::bad_alloc.
Result<LoadedModule, ModuleProblem> load_module(const std::string& file);

}  // namespace sluice::core
