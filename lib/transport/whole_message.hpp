// Whole message: one JSON text in an HTTP body or a WebSocket message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "lib/rpc/rpc_session.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::core {

// Scans a message's text, which must be one JSON value with only white space around it, and passes it to a
// session. The session answers any other text with a parse error. Long texts are scanned as they arrive,
// since 4 MiB at once take up to 16 ms. For one message at a time; I/O thread only.
class WholeMessage {
 public:
  // `text` is the part of the message received so far. Throws std::bad_alloc.
  void look_at(std::string_view text, const Limits& limits) {
    if (text.size() > kScannedAheadBytes) scan_ahead(text, limits);
  }
  // The message is complete. Another one begins.
  void receive(RpcSession& rpc_session, const Limits& limits, std::string_view text, std::uint64_t exchange,
               const CallDefaults& defaults = {});
  // The message will not be completed.
  void reset() { scan_.reset(); }

 private:
  static constexpr std::size_t kScannedAheadBytes = 64 * 1024;

  struct Scan {
    explicit Scan(std::size_t batch_entries_max) : scanner(batch_entries_max) {}
    proto::MessageScanner scanner;
    std::size_t begin = 0;  // begin of the value; before it was found, how far it was searched for
  };
  void scan_ahead(std::string_view text, const Limits& limits);

  std::unique_ptr<Scan> scan_;  // null for a short message
};

}  // namespace sluice::core
