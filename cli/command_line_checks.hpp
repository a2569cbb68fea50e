// Checks of a command line across its words and options.
#pragma once

#include "cli/command_line.hpp"

namespace sluice::client {

// The number of operands, --filter, and options of TLS against the address. Errors: usage.
Result<void> check_command_line(const CommandLine& line);

}  // namespace sluice::client
