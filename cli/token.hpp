// Tokens: new ones, their digest, and where the user's token comes from.
#pragma once

#include <istream>
#include <string>
#include <string_view>

#include "cli/result.hpp"

namespace sluice::client {

// 256 bits from the system's random generator, as 43 characters that need no quoting in a shell, a URL or
// a header.
Result<std::string> new_token();

// The configuration line that admits clients with this token.
Result<std::string> digest_line(std::string_view token);

// Reads the one line of `in`; more than one line is an error. `where` is for messages: "on stdin".
Result<std::string> read_token(std::istream& in, std::string_view where);

// The token to authenticate with: that in `file` (-: stdin), else $SLUICE_TOKEN; empty where there is
// neither.
Result<std::string> token_of_user(const std::string& file);

}  // namespace sluice::client
