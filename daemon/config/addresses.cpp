#include "daemon/config/addresses.hpp"

#include <map>

#include "daemon/config/address.hpp"
#include "lib/observe/log.hpp"

namespace sluice::daemon {

std::vector<AddressProblem> address_problems(const std::vector<UsedAddress>& addresses) {
  std::vector<AddressProblem> problems;
  std::map<std::string, std::optional<SourceLocation>> taken;
  for (const UsedAddress& used : addresses) {
    const auto parsed = parse_listen_address(used.address);
    const std::string id = parsed ? identity(*parsed) : std::string();
    if (id.empty()) continue;
    const auto [first, is_new] = taken.emplace(id, used.where);
    if (is_new) continue;
    const std::string twice = core::printable(id) + " is given twice; ";
    if (used.where) {
      problems.push_back({*used.where, twice + "each listener takes an address of its own"});
    } else {
      problems.push_back({first->second.value_or(SourceLocation{}),
                          twice + "it is the default of admin.address: set that to another one or \"\""});
    }
  }
  return problems;
}

}  // namespace sluice::daemon
