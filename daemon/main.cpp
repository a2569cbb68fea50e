#include <exception>
#include <iostream>
#include <variant>
#include <vector>

#include "daemon/cli.hpp"
#include "daemon/config.hpp"
#include "daemon/daemon.hpp"
#include "daemon/process.hpp"

namespace {

int run(const sluice::daemon::CommandLine& command) {
  using namespace sluice::daemon;
  const std::vector<sluice::core::BackendSettings> none;
  const LoadedConfig loaded = command.config_file.empty()
                                  ? LoadedConfig{}
                                  : load_config(command.config_file, command.check ? &none : nullptr);
  for (const ConfigError& error : loaded.errors) std::cerr << error.text() << '\n';
  if (!loaded.ok()) return kExitUsage;
  if (command.check) {
    for (const ConfigError& warning : loaded.warnings) std::cerr << warning.warning_text() << '\n';
    std::cout << "the configuration is valid\n";
    return kExitStopped;
  }
  return Daemon(command, loaded).run();
}

}  // namespace

int main(int argc, char** argv) {
  sluice::daemon::keep_standard_descriptors();
  try {
    const auto parsed = sluice::daemon::parse_command_line(argc, argv);
    if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
    return run(std::get<sluice::daemon::CommandLine>(parsed));
  } catch (const std::exception& error) {
    std::cerr << "sluiced: " << error.what() << '\n';
    return sluice::daemon::kExitFailed;
  }
}
