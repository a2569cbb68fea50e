#pragma once

#include <istream>
#include <string>
#include <string_view>

#include "daemon/client/result.hpp"

namespace sluice::client {

// 256 bits from the system's random generator, as 43 characters that need no quoting in a shell, a URL or
// a header.
Result<std::string> new_token();

// The configuration line that lets whoever has the token in.
Result<std::string> digest_line(std::string_view token);

// The first line of `in`, which is to be all that there is.
Result<std::string> read_token(std::istream& in);

}  // namespace sluice::client
