#include <exception>
#include <iostream>
#include <vector>

#include "daemon/cli.hpp"
#include "daemon/config/file.hpp"
#include "daemon/daemon.hpp"
#include "daemon/process.hpp"
#include "daemon/signals.hpp"
#include "lib/base/heap_limits.hpp"

namespace {

// The loader runs this before the libraries' own initialisation, which takes longer than main() does until it
// waits for signals: one that comes meanwhile must not end the process.
[[gnu::section(".preinit_array"),
  gnu::used]] void (*const hold_signals_first)() = sluice::daemon::hold_signals;

int check(const std::string& file) {
  using namespace sluice::daemon;
  release_signals();
  const std::vector<sluice::core::BackendSettings> none;
  const LoadedConfig loaded = file.empty() ? LoadedConfig{} : load_config(file, &none);
  for (const ConfigError& error : loaded.errors) std::cerr << error.text() << '\n';
  if (!loaded.ok()) return kExitUsage;
  for (const ConfigError& warning : loaded.warnings) std::cerr << warning.warning_text() << '\n';
  std::cout << "the configuration is valid\n";
  return kExitStopped;
}

}  // namespace

int main(int argc, char** argv) {
  sluice::daemon::hold_signals();
  sluice::daemon::keep_standard_descriptors();
  sluice::core::bound_heaps();
  try {
    const auto parsed = sluice::daemon::parse_command_line(argc, argv);
    if (!parsed) return parsed.error();
    const sluice::daemon::CommandLine& command = parsed.value();
    return command.check ? check(command.config_file) : sluice::daemon::Daemon(command).run();
  } catch (const std::exception& error) {
    std::cerr << "sluiced: " << error.what() << '\n';
    return sluice::daemon::kExitFailed;
  }
}
