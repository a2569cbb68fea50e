// Any text gives either settings within their bounds or a list of errors with positions in the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/config/reader.hpp"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void check_settings(const sluice::core::Settings& settings) {
  using sluice::proto::kMessageBytesCeiling;
  expect(!settings.listeners.empty());
  expect(settings.limits.message_bytes_max >= 1 && settings.limits.message_bytes_max <= kMessageBytesCeiling);
  expect(settings.limits.call_timeout.count() > 0 && settings.limits.idle_timeout.count() > 0);
  expect(settings.worker_queue > 0 && settings.limits.connection_window > 0 &&
         settings.limits.batch_width > 0);
  for (const auto& listener : settings.listeners) expect(!listener.address.empty() && listener.mode <= 0777);
}

void check_error(const sluice::daemon::ConfigError& error, std::size_t lines) {
  expect(error.line <= lines);
  const std::string text = error.text();
  expect(std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = sluice::daemon::parse_config(text, "fuzz.toml");
  const auto lines = 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (loaded.ok()) check_settings(loaded.settings);
  for (const auto& error : loaded.errors) check_error(error, lines + 1);
  return 0;
}
