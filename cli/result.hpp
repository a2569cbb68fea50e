// Result type, failures and exit codes of sluice.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/result.hpp"

namespace sluice::client {

// Exit codes of the process; scripts rely on these numbers.
enum class ExitCode : int {
  ok = 0,           // a result, or the help that was asked for
  rpc_error = 1,    // the server answered with a JSON-RPC error; or OpenSSL or getrandom() failed
  usage = 2,        // the command line cannot be carried out
  unreachable = 3,  // could not connect, no answer in time, or an answer that is not JSON-RPC
};

// The reason of a command's early end. The message is one line for stderr, except under ExitCode::ok, where
// it is the text that --help or --version puts on stdout.
struct Failure {
  ExitCode code;
  std::string message;
  // The server's own least pause before another try; nothing if that would fail as well, or it is not known.
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

// A value, or the reason of its absence. Nothing in the client throws for what a user,
// a server or the network can do.
template <class T>
using Result = core::Result<T, Failure>;
using core::success;

// The end of a command: an exit code, if everything is printed, or a Failure to report.
using Outcome = Result<ExitCode>;

inline Failure usage_error(std::string message) { return {ExitCode::usage, std::move(message), {}}; }
inline Failure unreachable(std::string message) { return {ExitCode::unreachable, std::move(message), {}}; }

}  // namespace sluice::client
