// JSON values one after another, with or without headers before them.
#pragma once

#include "lib/transport/codec.hpp"
#include "proto/frame_decoder.hpp"

namespace sluice::core {

// A line that is another protocol's ends the connection, be it the first or behind others, since lines of
// JSON that somebody else wrote may follow. A browser's page may have its server's name lead to this machine,
// choose a method that nobody knows, and write the body; where it speaks TLS, that server has written the
// session ticket that is in its hello.
class StreamCodec final : public Codec {
 public:
  StreamCodec(CodecHost& host, proto::Framing framing);

  void on_limits_change() override;
  Step next(std::string_view window) override;
  void finish(std::string_view rest) override;
  void reply(std::uint64_t exchange, std::string& reply, std::int64_t code) override;
  std::string* reusable_buffer() override;
  bool test_peer() override;
  bool in_message() const override { return decoder_.in_message(); }
  bool skipping() const override { return decoder_.skipping(); }
  Protocol protocol() const override;

 private:
  // What has been seen of the connection's first line, until that tells whose it is.
  enum class FirstLine : std::uint8_t { nothing, method, space, decided };

  bool turns_out_foreign(std::string_view bytes);
  void handle(const proto::FrameEvent& event);
  void end_foreign(proto::ForeignProtocol protocol);

  proto::FrameDecoder decoder_;
  FirstLine first_line_ = FirstLine::nothing;
  bool limits_wait_ = false;    // for the end of the message at hand
  bool at_end_ = false;         // the message at hand is the last of what has come
  std::uint8_t head_sent_ = 0;  // bytes of the next reply's header that test_peer() has sent
};

}  // namespace sluice::core
