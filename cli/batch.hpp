// Batch request: calls of the user as one JSON array, and its replies in order.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/request.hpp"
#include "cli/result.hpp"

namespace sluice::client {

// A batch ready to send.
struct BatchRequest {
  std::string text;              // the array, one line ending in a newline
  std::vector<std::string> ids;  // JSON texts of the answers' ids, in order; empty: not answered
};

// Makes a batch of a JSON array of calls. A call without a "jsonrpc" member gets that member, the settings
// and, unless it has an id, its number from 1 as the id. Any other call is sent unchanged.
// Errors: usage, if the text is not a JSON array or the array is empty.
Result<BatchRequest> batch_from_json(std::string_view text, const CallSettings& settings);

// Makes a batch of texts like `METHOD` or `METHOD PARAMS`, where PARAMS is JSON or
// key=value pairs without white space. Blank lines are skipped. Errors: usage.
Result<BatchRequest> batch_from_lines(std::span<const std::string> lines, const CallSettings& settings);

// The replies in the order of the calls they answer; replies that answer none of them
// (the id null) come last. Views into `replies`, which is a valid JSON array.
std::vector<std::string_view> order_replies(std::string_view replies, std::span<const std::string> ids);

}  // namespace sluice::client
