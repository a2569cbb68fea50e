// One reply of a server that this one has called, read out of a scanned message.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/message.hpp"

namespace sluice::proto {

// Ids that calls go by towards a backend are from 1 to this, so that peers which keep them in 32 bits can.
inline constexpr std::uint32_t kWireIdMax = 0x7FFF'FFFF;

// A valid JSON-RPC 2.0 reply to a call. Views point into the message's text.
struct Reply {
  std::uint32_t id = 0;
  std::string_view result;      // JSON text; empty where there is an error
  std::string_view error;       // the error object's text; empty where there is a result
  std::int64_t error_code = 0;  // the error's, or what is nearest to it; 0 for a result
};

// Checks one envelope against JSON-RPC 2.0, section 5; nothing if it is not a valid reply. `text` is the
// message it was found in. A result beside "error": null, and the reverse, are let pass, as version 1 wrote
// them; so is a missing version.
std::optional<Reply> read_reply(std::string_view text, const Envelope& envelope);

// An error that names no call, since the server did not get as far as to read which: it has no id that
// read_reply_id() would find. `id` stays 0; nothing if it is not such an error.
std::optional<Reply> read_unnamed_error(std::string_view text, const Envelope& envelope);

// True if it has the form of a reply, valid or not.
inline bool means_reply(const Envelope& envelope) {
  return !envelope.method.present() &&
         (envelope.jsonrpc.present() || envelope.result.present() || envelope.error.present());
}

// True if it names an id that this server never sent, such as "x". False without an id.
bool names_another(std::string_view text, const Envelope& envelope);

// The id that a reply names, which may be all that is known of one that was too long to be read. It counts by
// its value: 3, 3.0 and "3" are the same.
std::optional<std::uint32_t> read_reply_id(std::string_view text, const Envelope& envelope);

}  // namespace sluice::proto
