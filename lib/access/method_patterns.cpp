#include "lib/access/method_patterns.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::core {
namespace {

constexpr std::string_view kStem = "rpc";  // of all names of the server's own methods
constexpr std::string_view kOwnPrefix = "rpc.";
constexpr std::string_view kOperators = "rpc.calls";
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kAliases = {
    {{"rpc_subscribe", "rpc.subscribe"}, {"rpc_unsubscribe", "rpc.unsubscribe"}}};

// The patterns of one sign, without it.
std::vector<std::string> signed_as(bool exclusion, const std::vector<std::string>& patterns) {
  std::vector<std::string> found;
  for (const std::string& pattern : patterns) {
    if (pattern.starts_with('!') == exclusion) found.push_back(pattern.substr(exclusion ? 1 : 0));
  }
  return found;
}

}  // namespace

MethodPatterns::Set::Set(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    if (pattern.ends_with('*')) {
      prefixes.push_back(pattern.substr(0, pattern.size() - 1));
    } else {
      names.insert(pattern);
    }
  }
}

bool MethodPatterns::Set::contains(std::string_view method) const {
  const auto begins = [method](const std::string& prefix) { return method.starts_with(prefix); };
  return names.contains(method) || std::ranges::any_of(prefixes, begins);
}

MethodPatterns::MethodPatterns(const std::vector<std::string>& patterns)
    : allowed_(signed_as(false, patterns)), excluded_(signed_as(true, patterns)) {}

bool MethodPatterns::allow(std::string_view method) const {
  if (excluded_.contains(method)) return false;
  if (!method.starts_with(kStem)) return allowed_.contains(method);
  const std::string_view other = other_name(method);
  if (!other.empty()) return !excluded_.contains(other);
  const bool open_to_all = method.starts_with(kOwnPrefix) && method != kOperators;
  return open_to_all || allowed_.contains(method);
}

std::string_view MethodPatterns::other_name(std::string_view method) {
  for (const auto& [alias, name] : kAliases) {
    if (method == alias) return name;
    if (method == name) return alias;
  }
  return {};
}

bool MethodPatterns::is_pattern(std::string_view text) {
  if (text.starts_with('!')) text.remove_prefix(1);
  return !text.empty() && text.find('*') >= text.size() - 1;
}

}  // namespace sluice::core
