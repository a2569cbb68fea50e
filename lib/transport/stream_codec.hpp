// JSON values one after another, with or without headers before them.
#pragma once

#include "lib/transport/codec.hpp"
#include "proto/frame_decoder.hpp"

namespace sluice::core {

// A first line that is an HTTP request's, with a method that nobody knows, ends the connection: a browser's
// page may have its server's name lead to this machine and choose any method, and its body would be lines of
// JSON like any other.
class StreamCodec final : public Codec {
 public:
  StreamCodec(Connection& connection, proto::Framing framing);

  Step next(std::string_view window) override;
  void finish(std::string_view rest) override;
  void reply(std::uint64_t exchange, std::string_view reply, int code) override;
  bool in_message() const override { return decoder_.in_message(); }
  bool skipping() const override { return decoder_.skipping(); }
  Protocol protocol() const override;

 private:
  // Where in the connection's first line the bytes are that have been seen.
  enum class FirstLine : std::uint8_t { method, target, decided };

  bool is_request_line(std::string_view bytes);
  void handle(const proto::FrameEvent& event);

  proto::FrameDecoder decoder_;
  FirstLine first_line_ = FirstLine::method;
};

}  // namespace sluice::core
