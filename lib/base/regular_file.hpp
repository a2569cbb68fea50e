// Regular file: read as a whole, up to a limit.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace sluice::core {

// Reads a regular file into `text`. A pipe or a device is an error, and is not waited for. Returns the
// problem, as words that follow the file's name; nothing: it was read. Throws std::bad_alloc.
std::optional<std::string> read_regular_file(const std::string& path, std::size_t bytes_max,
                                             std::string& text);

}  // namespace sluice::core
