// Command line parser of sluice.
#pragma once

#include "cli/command_line.hpp"
#include "cli/result.hpp"

namespace sluice::client {

// Reads the command line ($SLUICE_ADDRESS, the token that it names). Errors: usage, or ExitCode::ok with
// the text that --help or --version asked for.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace sluice::client
