// Request and response over a connection of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/command_line.hpp"
#include "cli/connection.hpp"
#include "cli/socket.hpp"

namespace sluice::client {

// A connection to line.address over its transport, with line.token if there is one: a JSON stream or
// WebSocket that the server has accepted it on; HTTP sends it with each message. Errors: unreachable, usage
// for the files of line.tls, or rpc_error with the error of the server, if it refuses the token.
Result<std::unique_ptr<Connection>> open_connection(const CommandLine& line, const WaitLimit& limit);

// The same as a socket that carries a JSON stream; line.address is a raw stream.
Result<core::Descriptor> open_raw_socket(const CommandLine& line, const WaitLimit& limit);

// The next message as valid JSON; nothing once no further one can come.
Result<std::optional<std::string>> receive_json(Connection& connection, const WaitLimit& limit);

// Called with each notification that comes before a reply, as valid JSON.
using OnNote = std::function<void(std::string_view)>;

// The text of the reply to a request: the message with that id, a batch's array, or one with the id null,
// which is how a server answers an unreadable message. Other messages than notes are skipped. The text is
// valid JSON.
Result<std::string> receive_reply(Connection& connection, const Address& address, std::string_view id,
                                  const WaitLimit& limit, const OnNote& on_note = {});

// Sends `request` (whose id is `id`) on a connection of its own and returns the text of its reply
// (receive_reply). No reply by the deadline is an error.
Result<std::string> exchange(const CommandLine& line, std::string_view request, std::string_view id,
                             TimePoint deadline, const OnNote& on_note = {});

// Calls `method` and returns the text of its result; a JSON-RPC error becomes a
// Failure with ExitCode::rpc_error. Takes line.timeout at most.
Result<std::string> fetch_result(const CommandLine& line, std::string_view method, std::string_view params,
                                 const OnNote& on_note = {});

// Sends notifications and waits until the server closes the connection, once it has served them all, or over
// HTTP until it responds. Prints the errors that the server answers all the same, and returns rpc_error if
// there were any. Errors: usage over a WebSocket, whose close would cancel what still runs.
Outcome send_unanswered(const CommandLine& line, std::string_view text);

}  // namespace sluice::client
