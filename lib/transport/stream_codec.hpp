// Stream codec: JSON values one after another, with or without headers before them.
#pragma once

#include "lib/transport/codec.hpp"
#include "proto/frame_decoder.hpp"

namespace sluice::core {

// A line of another protocol ends the connection, at its beginning or later, since lines of foreign JSON may
// follow. A web page may let its server's name lead to this machine, choose an unknown HTTP method, and write
// the body. With TLS, that server has even written the session ticket in the hello.
class StreamCodec final : public Codec {
 public:
  StreamCodec(CodecHost& host, proto::Framing framing);

  void on_limits_change() override;
  Step next(std::string_view window) override;
  void finish(std::string_view rest) override;
  void reply(std::uint64_t exchange, std::string& reply, std::int64_t code) override;
  bool takes_events() const override { return true; }
  void send_event(const EventMessage& message) override;
  std::string* reusable_buffer() override;
  bool test_peer() override;
  bool in_message() const override { return decoder_.in_message(); }
  bool skipping() const override { return decoder_.skipping(); }
  Protocol protocol() const override;

 private:
  // What the connection's first line has shown so far, until it is decided.
  enum class FirstLine : std::uint8_t { nothing, method, space, decided };

  bool turns_out_foreign(std::string_view bytes);
  void handle(const proto::FrameEvent& event);
  void end_foreign(proto::ForeignProtocol protocol);
  void append_header(std::string& out, std::size_t bytes);

  proto::FrameDecoder decoder_;
  FirstLine first_line_ = FirstLine::nothing;
  bool limits_wait_ = false;    // until the end of the current message
  bool at_end_ = false;         // the current message is the last in the input
  std::uint8_t head_sent_ = 0;  // bytes of the next reply's header that test_peer() has sent
};

}  // namespace sluice::core
