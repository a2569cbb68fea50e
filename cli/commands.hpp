// Commands of sluice, and the dispatch to them.
#pragma once

#include "cli/command_line.hpp"

namespace sluice::client {

// The whole program after start-up: reads the command line, does what it says, prints
// results to stdout and failures to stderr.
ExitCode run(int argc, const char* const* argv);

// One command each. A Failure is not printed yet.
Outcome run_call(const CommandLine& line);
Outcome run_notify(const CommandLine& line);
Outcome run_batch(const CommandLine& line);
Outcome run_publish(const CommandLine& line);
Outcome run_subscribe(const CommandLine& line);
Outcome run_methods(const CommandLine& line);
Outcome run_describe(const CommandLine& line);
Outcome run_token(const CommandLine& line);

}  // namespace sluice::client
