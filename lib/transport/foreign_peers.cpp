#include "lib/transport/foreign_peers.hpp"

#include <array>
#include <string>

#include "lib/observe/log.hpp"
#include "lib/observe/log_limit.hpp"
#include "lib/transport/codec_host.hpp"

namespace sluice::core {
namespace {

constexpr auto kLineInterval = std::chrono::seconds(10);

}  // namespace

void tell_foreign(const CodecHost& host, Foreign kind, std::string_view what) {
  static constexpr auto kKinds = static_cast<std::size_t>(Foreign::kCount);
  static std::array<LogLimit, kKinds> limits{LogLimit{kLineInterval}, LogLimit{kLineInterval},
                                             LogLimit{kLineInterval}, LogLimit{kLineInterval}};
  if (!log_enabled(spdlog::level::warn)) return;
  const auto left_out = limits[static_cast<std::size_t>(kind)].admit(Clock::now());
  if (!left_out) return;
  const std::string peer = host.peer();
  const std::string others = std::to_string(*left_out);
  const std::array<LogField, 2> fields{{{"peer", peer}, {"others_since_the_last_line", others, true}}};
  log_fields(spdlog::level::warn, what, fields);
}

}  // namespace sluice::core
