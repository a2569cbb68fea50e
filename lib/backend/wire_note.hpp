// Wire note: a notification of a backend that belongs to a call.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/backend/backend_settings.hpp"
#include "proto/message.hpp"

namespace sluice::core {

// All JSON text, of the message that it was read from; empty where absent.
struct WireNote {
  std::string_view method;
  std::string_view params;
  std::string_view token;  // of a call's progress, as its client has chosen it
  std::string_view key;    // notes with the same key replace each other
  bool names_call = false;
  std::optional<std::uint32_t> call;  // that it names; nothing where no call can have that id
};

// A notification that can be a note. Nothing for other messages, and for what a backend tells the server
// itself: names that begin with `rpc.`, other than `rpc.progress`. Only in the dialect `sluice` a note names
// its call.
std::optional<WireNote> read_note(std::string_view text, const proto::Message& message, Dialect dialect);

}  // namespace sluice::core
