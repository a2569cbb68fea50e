// Messages that come whole, as HTTP bodies and WebSocket messages do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "lib/rpc/rpc_session.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::core {

// Scans a message's text, which has to be one JSON value with nothing but white space around it, and hands it
// to a session; what is anything else is answered there with a parse error. Long texts are scanned as
// they come, since 4 MiB at once take up to 16 ms. For one message at a time; I/O thread only.
class WholeMessage {
 public:
  // `text` is what has come so far of the message that has begun. Throws std::bad_alloc.
  void look_at(std::string_view text, const Limits& limits) {
    if (text.size() > kScannedAheadBytes) scan_ahead(text, limits);
  }
  // The message is there. Another one begins.
  void receive(RpcSession& rpc_session, const Limits& limits, std::string_view text, std::uint64_t exchange,
               const CallDefaults& defaults = {});
  // It will not come.
  void reset() { scan_.reset(); }

 private:
  static constexpr std::size_t kScannedAheadBytes = 64 * 1024;

  struct Scan {
    explicit Scan(std::size_t batch_entries_max) : scanner(batch_entries_max) {}
    proto::MessageScanner scanner;
    std::size_t begin = 0;  // of the value; until that has begun, how far it was looked for
  };
  void scan_ahead(std::string_view text, const Limits& limits);

  std::unique_ptr<Scan> scan_;  // null for a short one
};

}  // namespace sluice::core
