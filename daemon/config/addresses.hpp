// Addresses that a configuration gives to several listeners.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace sluice::daemon {

struct UsedAddress {
  std::string address;
  std::optional<SourceLocation> where;  // nothing: a default
};

struct AddressProblem {
  SourceLocation where;
  std::string message;
};

// Addresses that another listener has already. A default among them is admin.address, and comes last.
std::vector<AddressProblem> address_problems(const std::vector<UsedAddress>& addresses);

}  // namespace sluice::daemon
