#include "daemon/cli.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "daemon/config/schema.hpp"
#include "lib/observe/log.hpp"

namespace sluice::daemon {

namespace {

constexpr const char* kVersionText = "sluiced " SLUICE_VERSION;

// Every key of the configuration file with what it is for and what it takes.
std::string configuration_help() {
  std::string text = "Keys of the configuration file (TOML):\n";
  for (const TableDescription& table : config_tables()) {
    text += fmt::format("{}\n", table.header);
    for (const KeyDescription& key : table.keys) {
      const std::string fallback = key.fallback.empty() ? "" : fmt::format("; default {}", key.fallback);
      text += fmt::format("  {:<26} {}\n  {:<26}   {}{}\n", key.name, key.help, "", key.allowed, fallback);
    }
  }
  return text;
}

}  // namespace

core::Result<CommandLine, int> parse_command_line(int argc, const char* const* argv) {
  CommandLine command;
  CLI::App app("Serves functions over JSON-RPC 2.0.", "sluiced");
  app.add_option(
         "--config", command.config_file,
         "configuration file; without it the defaults apply: tcp://127.0.0.1:7070, and the admin on 7071")
      ->type_name("FILE");
  app.add_flag("--demo", command.demo, "add the demo.* methods");
  app.add_flag("--check", command.check, "check the configuration, and exit with 0 (valid) or 2 (not valid)");
  app.set_version_flag("--version", kVersionText, "print the version and exit");
  app.footer(configuration_help);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    return app.exit(request, std::cout, std::cerr);
  } catch (const CLI::Error& error) {
    std::cerr << "sluiced: " << core::printable(error.what()) << "; see sluiced --help\n";
    return kExitUsage;
  }
  if (app.count("--config") != 0 && command.config_file.empty()) {
    std::cerr << "sluiced: --config takes the name of a file; see sluiced --help\n";
    return kExitUsage;
  }
  return command;
}

}  // namespace sluice::daemon
