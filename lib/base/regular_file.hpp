// Files that are read as a whole.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace sluice::core {

// Puts the content of a regular file into `text`; a pipe or a device is none, and is not waited for. What is
// wrong, in words that go on from its name; nothing: it was read. Throws std::bad_alloc.
std::optional<std::string> read_regular_file(const std::string& path, std::size_t bytes_max,
                                             std::string& text);

}  // namespace sluice::core
