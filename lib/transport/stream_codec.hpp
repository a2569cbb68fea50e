// JSON values one after another, with or without headers before them.
#pragma once

#include "lib/transport/codec.hpp"
#include "proto/frame_decoder.hpp"

namespace sluice::core {

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
  void handle(const proto::FrameEvent& event);

  proto::FrameDecoder decoder_;
};

}  // namespace sluice::core
