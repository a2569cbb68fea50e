// Reader of a child process's stdout: messages as lines, or with headers in the dialect `lsp`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/backend/child/line_buffer.hpp"
#include "lib/backend/oversize_reply.hpp"
#include "lib/backend/reply_reader.hpp"
#include "proto/frame_decoder.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::core {

// Takes bytes however they are cut, and reports which calls they answer. A reply over the size limit is
// dropped as it comes, and its call is found if it can be. Opens and reads nothing itself. Not thread-safe.
class ChildOutput {
 public:
  // Why nothing more can be read.
  enum class Unreadable : std::uint8_t { endless_line, no_message };

  class Callbacks : public ReplyReader::Callbacks {
   public:
    // The reply to the call with that id is over the size limit.
    virtual void on_oversize_reply(std::uint32_t id) = 0;
    // Bytes that mean nothing, and are not worth a line of the log.
    virtual void count_invalid_input(std::size_t bytes) = 0;
    virtual void on_unreadable(Unreadable why) = 0;

   protected:
    ~Callbacks() = default;
  };

  ChildOutput(Dialect configured, Callbacks& callbacks);

  // What is spoken.
  Dialect dialect() const { return reader_.dialect(); }

  // `response_bytes_max` is the most that a reply's result may have.
  void take(std::string_view bytes, std::size_t response_bytes_max);
  // No more bytes will come.
  void finish();

 private:
  static constexpr std::size_t kReplyOverheadBytes = 64 * 1024;  // of a line, beside the result
  static constexpr std::size_t kKeptBytesMax = 64 * 1024;        // of room, between messages with headers

  void take_lines(std::string_view bytes, std::size_t response_bytes_max);
  void take_framed(std::string_view bytes, std::size_t response_bytes_max);
  std::size_t take_frame(std::string_view window);
  void take_line(std::string_view line);
  void take_malformed(std::string_view text);
  void take_oversize_start(std::string_view start);
  void take_oversize_rest(std::string_view piece, bool is_last);

  Callbacks& callbacks_;
  ReplyReader reader_;
  LineBuffer lines_;
  OversizeReply oversize_reply_;
  proto::MessageScanner scanner_;
  proto::FrameDecoder decoder_;  // of messages with headers
  std::string window_;           // what has come of one that is not whole
};

}  // namespace sluice::core
