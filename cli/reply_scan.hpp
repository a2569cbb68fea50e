// Reply scanner of the benchmark: the id and the error, without a tree.
#pragma once

#include <string_view>

namespace sluice::client {

// The parts of a reply that a benchmark needs. An empty id: the line is not a reply.
struct ScannedReply {
  std::string_view id;
  std::string_view error;  // the error member; empty for a result
};

// Reads one line as a reply without building anything. Of one that begins as results usually do it trusts
// the grammar.
ScannedReply scan_reply(std::string_view line);

// The code of an error member that scan_reply() found; 0 where it has none.
long error_code(std::string_view error);

}  // namespace sluice::client
