// One reply of a server that this one has called, read out of a scanned message.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/message.hpp"

namespace sluice::proto {

// A valid JSON-RPC 2.0 reply to a call whose id was an integer. Views point into the message's text.
struct Reply {
  std::uint64_t id = 0;
  std::string_view result;  // JSON text; empty where there is an error
  std::string_view error;   // the error object's text; empty where there is a result
  int error_code = 0;       // the error's, 0 for a result
};

// Checks one envelope against JSON-RPC 2.0, section 5; nothing where it is no such reply. `text` is the
// message it was found in. A result beside "error": null, and the reverse, are let pass, as version 1 wrote
// them; so is a missing version.
std::optional<Reply> read_reply(std::string_view text, const Envelope& envelope);

// An error that names no call, since the server did not get as far as to read which: its id is null or
// absent. `id` is left 0; nothing where it is no such error.
std::optional<Reply> read_unnamed_error(std::string_view text, const Envelope& envelope);

// Whether it means to be a reply, be it a wrong one.
inline bool means_reply(const Envelope& envelope) {
  return !envelope.method.present() &&
         (envelope.jsonrpc.present() || envelope.result.present() || envelope.error.present());
}

// The id that a reply names, which may be all that is known of one that was too long to be read.
std::optional<std::uint64_t> read_reply_id(std::string_view text, const Envelope& envelope);

}  // namespace sluice::proto
