#include "lib/include/sluice/typed.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

namespace sluice::detail {

Error unwritable_result() {
  const proto::Error error = proto::internal_error();
  return {error.code, error.message, {{"reason", "internal"}}};
}

void name_as_sent(std::string_view params, std::span<const ParamDescription> descriptions, Error& error) {
  if (!params.starts_with('[') || error.code != invalid_params({}, {}).code || !error.data.is_object())
    return;
  const auto path = error.data.find("path");
  if (path == error.data.end() || !path->is_string()) return;
  const std::string& named = path->get_ref<const std::string&>();
  for (std::size_t at = 0; at < descriptions.size(); ++at) {
    const std::string step = pointer_step(descriptions[at].name);
    if (!(named + "/").starts_with(step + "/")) continue;
    *path = pointer_step(at) + named.substr(step.size());
    return;
  }
}

void check_param_names(const std::string& method, const std::vector<std::string>& names, std::size_t count) {
  const bool distinct = std::set<std::string>(names.begin(), names.end()).size() == names.size();
  const bool all_named = std::find(names.begin(), names.end(), std::string()) == names.end();
  if (names.size() == count && distinct && all_named) return;
  throw std::invalid_argument(method + ": needs a name of its own for each of its " + std::to_string(count) +
                              " params");
}

void check_param_order(const std::string& method, std::span<const ParamDescription> params) {
  const auto optional = [](const ParamDescription& param) { return !param.required; };
  const auto first = std::find_if(params.begin(), params.end(), optional);
  if (std::all_of(first, params.end(), optional)) return;
  throw std::invalid_argument(method + ": optional params must come after the required ones");
}

}  // namespace sluice::detail
