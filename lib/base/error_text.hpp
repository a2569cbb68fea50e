// Text of a failed system call.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace sluice::core {

// "WHAT: REASON". `error` is an errno. Any thread. Throws std::bad_alloc.
inline std::string because(std::string_view what, int error) {
  return std::string(what) + ": " + std::generic_category().message(error);
}

}  // namespace sluice::core
