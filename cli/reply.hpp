// Reply of a server: parser, check and description of errors.
#pragma once

#include <string>
#include <string_view>

#include "cli/result.hpp"

namespace sluice::client {

// One JSON-RPC reply as views into its text; a member that is not there is empty.
struct Reply {
  std::string_view text;
  std::string_view id;
  std::string_view result;
  std::string_view error;
  std::string_view method;  // not empty: the message is a call from the server, no reply

  bool is_error() const { return !error.empty() && error != "null"; }
};

// Reads the members of a reply, whose text must be valid JSON. Views into `text`.
Reply parse_reply(std::string_view text);

// Checks a whole message from a server. Errors: unreachable, if it is not JSON.
Result<void> check_message(std::string_view text);

// "error -32601: Method not found {"reason":"unknown_method"}" in one line, whatever
// the server put into the message. `error` is the reply's error member.
std::string describe_error(std::string_view error);

// "rpc.progress {"value":50}" in one line: the method and params of a notification.
std::string describe_note(std::string_view text);

}  // namespace sluice::client
