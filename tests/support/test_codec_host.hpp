// A connection as codecs see it, without a socket.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/transport/codec_host.hpp"
#include "tests/support/session_parts.hpp"

namespace sluice::core::testing {

// Frames replies with `codec`, once that is set, and keeps what is sent and why the input ended.
class TestCodecHost final : private SessionParts, private ReplySink, public CodecHost {
 public:
  explicit TestCodecHost(const Limits& limits = {})
      : SessionParts(limits), CodecHost(SessionParts::thread, session_), session_(calls, orphans, *this) {
    policy_ = std::make_shared<ListenerPolicy>();
  }
  ~TestCodecHost() { session_.disconnected(); }

  // The bytes that were sent since the last call of this function.
  std::string take_sent() {
    std::string sent;
    const auto write = [&](std::string_view bytes) {
      sent += bytes;
      return ByteStream::Transfer{ByteStream::Status::ok, bytes.size()};
    };
    output_.flush(io_.buffers(), write, [](std::size_t) { return false; });
    return sent;
  }

  void drain() { ending_.begin_drain(); }

  void refuse_message(const proto::Error& error) override { session_.refuse(error, 0); }
  void end_input(CloseReason reason) override {
    ended = reason;
    ending_.end_input(reason);
  }
  void upgrade_to_websocket(const PageClaim&) override { upgraded = true; }
  std::size_t message_bytes_max() const override { return io_.limits.message_bytes_max; }
  proto::Error message_too_big() const override { return proto::request_too_big(message_bytes_max()); }
  bool has_subscriptions() const override { return subscribed; }
  bool secure() const override { return false; }
  bool from_outside() const override { return false; }
  std::string peer() const override { return "test"; }
  bool server_ready() const override { return true; }

  Codec* codec = nullptr;
  std::optional<CloseReason> ended;
  bool upgraded = false;
  bool subscribed = false;  // as if a call had subscribed

 private:
  void on_reply(std::uint64_t exchange, std::string& reply, std::int64_t code) override {
    codec->reply(exchange, reply, code);
  }
  void on_window_open() override {}
  void on_reply_lost() override {}
  std::string* reusable_buffer() override { return nullptr; }
  void fill_peer_identity(Caller&) override {}
  void on_deferred() override {}

  RpcSession session_;
};

}  // namespace sluice::core::testing
