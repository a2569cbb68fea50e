// JSON-RPC over WebSocket.
#pragma once

#include <deque>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "lib/backend/upstream/protocol.hpp"

namespace sluice::core {

// One message each way per call, many calls at once.
class WebSocketProtocol final : public UpstreamProtocol {
 public:
  WebSocketProtocol(UpstreamChannel& channel, UpstreamStream& stream);

 private:
  static constexpr std::size_t kReadBytes = 64 * 1024;  // of one read
  // What a byte counts as invalid input that brings nothing of a message: two of them may be a frame.
  static constexpr std::size_t kIdleByteWeight = 32;
  // What a control frame counts as invalid input: a ping costs an answer, which its sender may be slow to
  // read, so that few of them a second are a flood.
  static constexpr std::size_t kControlFrameBytes = 4 * 1024;

  void begin() override;
  void write(UpstreamAttempt& attempt, const ActiveCall& call) override;
  void write_cancel(const UpstreamAttempt& attempt) override;
  std::size_t unsent() const override { return unsent_; }

  void count_frames();
  void count_idle(std::size_t bytes);
  void on_handshake(boost::system::error_code error);
  std::string refusal(boost::system::error_code error) const;
  void push(std::string text);
  void write_next();
  void on_written(boost::system::error_code error, std::size_t bytes);
  void read_some();
  void on_read(boost::system::error_code error, std::size_t bytes);

  boost::beast::websocket::stream<UpstreamStream&> socket_;
  boost::beast::websocket::response_type response_;  // to the handshake
  std::deque<std::string> output_;                   // the first is being written
  std::size_t unsent_ = 0;                           // bytes of them
  boost::beast::flat_buffer input_;
  std::size_t idle_bytes_ = 0;  // of the last read, as long as it has brought nothing of a message
};

}  // namespace sluice::core
