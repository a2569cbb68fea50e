// C++ modules: methods out of shared objects.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/include/sluice/method.hpp"

namespace sluice::core {

struct ModuleProblem {
  std::string what;  // goes on from the file's name: "is no module", "was built against ..."
};

inline constexpr std::size_t kModuleBytesMax = std::size_t{1} << 30;

// Whether the file is a module whose build is this server's. Reads it and runs nothing of it.
std::optional<ModuleProblem> check_module(const std::string& file);

// Checks and loads it, for the life of the process: the code of a handler that runs can't be taken away.
// Loading a file again gives the same code, whatever is in the file by then.
std::variant<std::vector<MethodSpec>, ModuleProblem> load_module(const std::string& file);

}  // namespace sluice::core
