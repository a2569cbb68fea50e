// Command line parser of sluice.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/address.hpp"
#include "cli/bench_options.hpp"
#include "cli/request.hpp"
#include "cli/result.hpp"
#include "cli/tls_options.hpp"

namespace sluice::client {

enum class Command { call, notify, batch, methods, describe, bench, token };

// The parsed command line. Operands are the words after ADDRESS, as they are; each
// command knows what it makes of them.
struct CommandLine {
  Command command = Command::call;
  Address address;
  std::vector<std::string> operands;
  std::chrono::nanoseconds timeout{};  // for the whole command, connecting included
  CallSettings settings;
  TlsOptions tls;
  std::string token;  // what each connection authenticates with; empty: nothing
  BenchOptions bench;
};

// Reads the command line ($SLUICE_ADDRESS, the token that it names). Errors: usage, or ExitCode::ok with
// the text that --help or --version asked for.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace sluice::client
