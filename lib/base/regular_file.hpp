// Regular file: read as a whole, up to a limit.
#pragma once

#include <cstddef>
#include <string>

#include "lib/base/result.hpp"

namespace sluice::core {

// The problem of a file, as words that follow its name: "is larger than 1 MiB".
struct FileProblem {
  std::string what;
};

// Reads a regular file into `text`. A pipe or a device is an error, and is not waited for. On failure `text`
// may hold a part: its owner wipes what is secret. Throws std::bad_alloc.
Result<void, FileProblem> read_regular_file(const std::string& path, std::size_t bytes_max,
                                            std::string& text);

}  // namespace sluice::core
