// Creation of system resources, with errors that name them.
#pragma once

#include <string>
#include <system_error>

#include <boost/system/system_error.hpp>

namespace sluice::core {

// Returns the result of `make`. An error of the system, which names a system call at best, becomes a
// std::system_error with `what` could not be created.
template <typename Make>
auto create(const std::string& what, const Make& make) {
  try {
    return make();
  } catch (const boost::system::system_error& error) {
    throw std::system_error(std::error_code(error.code()), "can't create " + what);
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), "can't create " + what);
  }
}

}  // namespace sluice::core
