// JSON-RPC over WebSocket.
#pragma once

#include <deque>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "lib/backend/upstream_connection.hpp"

namespace sluice::core {

// One message each way per call, many calls at once.
class WebSocketConnection final : public UpstreamConnection {
 public:
  WebSocketConnection(const UpstreamRoute& route, Owner& owner);

 private:
  static constexpr std::size_t kReadBytes = 64 * 1024;  // of one read
  static constexpr std::size_t kFrameHeadBytes = 2;     // at least

  void begin() override;
  void write(UpstreamAttempt& attempt, const ActiveCall& call) override;
  bool write_cancel(const UpstreamAttempt& attempt) override;
  std::size_t unsent() const override { return unsent_; }

  void count_frames();
  void on_handshake(boost::system::error_code error);
  void push(std::string text);
  void write_next();
  void on_written(boost::system::error_code error, std::size_t bytes);
  void read_some();
  void on_read(boost::system::error_code error, std::size_t bytes);

  boost::beast::websocket::stream<UpstreamStream&> socket_;
  std::deque<std::string> output_;  // the first is being written
  std::size_t unsent_ = 0;          // bytes of them
  boost::beast::flat_buffer input_;
};

}  // namespace sluice::core
