// JSON-RPC over TCP and Unix sockets.
#pragma once

#include <array>
#include <string>

#include "lib/backend/upstream/protocol.hpp"
#include "proto/frame_decoder.hpp"

namespace sluice::core {

// One call a line; replies are JSON values one after another, whatever white space is between them. Many
// calls at once, answered in any order.
class StreamProtocol final : public UpstreamProtocol, private DeferredTask {
 public:
  StreamProtocol(UpstreamChannel& channel, UpstreamStream& stream);

 private:
  static constexpr std::size_t kReadBytes = 16 * 1024;  // of one read

  void begin() override;
  void write(UpstreamAttempt& attempt, const ActiveCall& call) override;
  void write_cancel(const UpstreamAttempt& attempt) override;
  std::size_t unsent() const override { return waiting_.size() + under_way_.size(); }

  void on_deferred() override;
  void flush();
  void on_written(boost::system::error_code error, std::size_t bytes);
  void read_some();
  void on_read(boost::system::error_code error, std::size_t bytes);
  void take_window();
  void take_malformed(std::string_view text);
  static std::size_t mark_size(std::string_view text);

  proto::FrameDecoder decoder_;
  std::array<char, kReadBytes> input_;
  std::string window_;     // what has come of messages that are not whole
  std::string waiting_;    // for the write that is under way
  std::string under_way_;  // what that one writes
};

}  // namespace sluice::core
