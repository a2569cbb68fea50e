// Known names: the names under a backend's prefixes that it has answered with a result.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

// Of a backend. Callers choose names, and each known one has metrics for the life of the server: what is
// forgotten still counts.
inline constexpr std::size_t kKnownNamesMax = 200;
inline constexpr std::size_t kKnownNameBytesMax = 128;

// The known names of one backend. Not thread-safe.
class KnownNames {
 public:
  // True if the name is known from now on. False if it is unusable, or one too many.
  bool add(std::string_view name) {
    if (const auto found = listed_.find(name); found != listed_.end()) return found->second = true;
    if (listed_.size() == kKnownNamesMax || !is_usable(name)) return false;
    return listed_.emplace(name, true).second;
  }
  // It may be added again.
  void forget(std::string_view name) {
    if (const auto found = listed_.find(name); found != listed_.end()) found->second = false;
  }
  std::vector<std::string> listed() const {
    std::vector<std::string> names;
    for (const auto& [name, known] : listed_) {
      if (known) names.push_back(name);
    }
    return names;
  }

 private:
  static bool is_usable(std::string_view name) {
    const auto fits = [](unsigned char c) { return c > ' ' && c != 0x7F && c != '*'; };
    return !name.empty() && name.size() <= kKnownNameBytesMax && std::ranges::all_of(name, fits);
  }

  std::map<std::string, bool, std::less<>> listed_;  // false: forgotten
};

}  // namespace sluice::core
