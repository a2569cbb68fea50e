#pragma once

#include <string>
#include <string_view>

#include "cli/command_line.hpp"
#include "cli/connection.hpp"

namespace sluice::client {

// A connection to line.address on which line.token, if there is one, has been accepted. Errors: unreachable,
// or rpc_error with what the server has against the token.
Result<Connection> open_connection(const CommandLine& line, TimePoint deadline);

// Sends `request` (whose id is `id`) on a connection of its own and returns the text
// of its reply: the one with that id, a batch's array, or one with the id null, which
// is how a server answers what it could not read. Other messages are skipped. The text
// is valid JSON. Where nothing comes back by the deadline that is an error.
Result<std::string> exchange(const CommandLine& line, std::string_view request, std::string_view id,
                             TimePoint deadline);

// Calls `method` and returns the text of its result; a JSON-RPC error becomes a
// Failure with ExitCode::rpc_error. Takes line.timeout at most.
Result<std::string> fetch_result(const CommandLine& line, std::string_view method, std::string_view params);

// Sends what has no answer and waits until the server closes, which it does once it
// has served everything. Prints the errors that it answers all the same, and returns
// rpc_error if there were any.
Outcome send_unanswered(const CommandLine& line, std::string_view text);

}  // namespace sluice::client
