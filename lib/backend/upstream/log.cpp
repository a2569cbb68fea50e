#include "lib/backend/upstream/log.hpp"

#include <utility>

#include "lib/observe/log.hpp"

namespace sluice::core {

std::optional<std::uint64_t> UpstreamLog::admit(const std::string& cause, TimePoint now) {
  if (causes_.size() >= kCausesMax && causes_.find(cause) == causes_.end()) causes_.clear();
  const auto [found, is_new] = causes_.try_emplace(cause, Cause{now});
  Cause& known = found->second;
  if (!is_new && now - known.logged < kPause) {
    ++known.left_out;
    return std::nullopt;
  }
  known.logged = now;
  return std::exchange(known.left_out, 0);
}

bool UpstreamLog::warn(const std::string& cause, std::string_view detail, TimePoint now) {
  const auto left_out = admit(cause, now);
  if (!left_out) return false;
  const std::string more = *left_out == 0 ? "" : " (" + std::to_string(*left_out) + " more times since)";
  spdlog::warn("{}: {}{}{}", label_, printable(cause), printable(detail), more);
  return true;
}

bool UpstreamLog::note(const std::string& cause, TimePoint now) {
  if (!admit(cause, now)) return false;
  spdlog::info("{}: {}", label_, cause);
  return true;
}

}  // namespace sluice::core
