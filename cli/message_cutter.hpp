// Splitter of a byte stream into JSON messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/result.hpp"

namespace sluice::client {

// Cuts a stream of JSON arrays and objects into messages, with any white space or none between them. It looks
// for the byte that closes the top-level value and leaves the grammar to json_check.hpp. Every byte is read
// once. Not proto::FrameDecoder, which rejects lone surrogates and deep nesting: the client has to show them.
class MessageCutter {
 public:
  // A reply beyond this is refused rather than let memory grow without end.
  static constexpr std::size_t kMessageBytesMax = std::size_t{1} << 30;

  void append(std::string_view bytes) { pending_ += bytes; }

  // The next whole message; nothing while it is incomplete. Errors: unreachable, for
  // bytes that start no message or a message over kMessageBytesMax. Not to be called
  // again after an error.
  Result<std::optional<std::string>> next();

  // Bytes of a message that has begun but not ended.
  bool has_partial() const { return scanned_ > 0; }

 private:
  bool scan();

  std::string pending_;      // starts at a message's first byte once scanned_ > 0
  std::size_t scanned_ = 0;  // bytes of pending_ that depth_ and the flags stand for
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace sluice::client
