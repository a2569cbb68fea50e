#include "cli/refusal.hpp"

#include <algorithm>

#include "cli/event.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDraining = "-32012";
// A server that asks for more is asked again all the same.
constexpr milliseconds kPauseMax = std::chrono::minutes(1);

}  // namespace

std::string_view error_data(std::string_view error, std::string_view name) {
  const std::string_view data = proto::member(error, "data").value_or("");
  return data.starts_with('{') ? proto::member(data, name).value_or("") : std::string_view();
}

std::optional<milliseconds> retry_pause(std::string_view error) {
  if (const auto pause = parse_count(error_data(error, "retry_after_ms"))) {
    return milliseconds(std::min(*pause, static_cast<std::uint64_t>(kPauseMax.count())));
  }
  // Another server, or the same one restarted, may be there next.
  if (proto::member(error, "code").value_or("") == kDraining) return milliseconds(0);
  return std::nullopt;
}

}  // namespace sluice::client
