// Naming what the machine refuses to create.
#pragma once

#include <string>
#include <system_error>

#include <boost/system/system_error.hpp>

namespace sluice::core {

// What `make` returns. A refusal of the system's, which names a system call at best, becomes a
// std::system_error that says what could not be created: `what`.
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
