// Request and response over a connection of its own.
#pragma once

#include <string>
#include <string_view>

#include "cli/command_line.hpp"
#include "cli/connection.hpp"

namespace sluice::client {

// A connection to line.address on which line.token, if there is one, has been accepted. Errors: unreachable,
// or rpc_error with the error of the server, if it refuses the token.
Result<Connection> open_connection(const CommandLine& line, TimePoint deadline);

// Sends `request` (whose id is `id`) on a connection of its own and returns the text of its reply: the one
// with that id, a batch's array, or one with the id null, which is how a server answers an unreadable
// message. Other messages are skipped. The text is valid JSON. No reply by the deadline is an error.
Result<std::string> exchange(const CommandLine& line, std::string_view request, std::string_view id,
                             TimePoint deadline);

// Calls `method` and returns the text of its result; a JSON-RPC error becomes a
// Failure with ExitCode::rpc_error. Takes line.timeout at most.
Result<std::string> fetch_result(const CommandLine& line, std::string_view method, std::string_view params);

// Sends notifications and waits until the server closes the connection, once it has served them all. Prints
// the errors that the server answers all the same, and returns rpc_error if there were any.
Outcome send_unanswered(const CommandLine& line, std::string_view text);

}  // namespace sluice::client
