// Makes the codecs of connections.
#pragma once

#include <memory>
#include <string>

#include "lib/time/deadline_wheel.hpp"
#include "lib/transport/protocol_detector.hpp"
#include "proto/error.hpp"

namespace sluice::core {

class Codec;
class CodecHost;
struct PageClaim;

// So that a connection knows no protocol. Thread-safe: it keeps nothing of what it makes.
class CodecFactory {
 public:
  // For what was detected: stream, header or http.
  virtual std::unique_ptr<Codec> make(WireProtocol protocol, CodecHost& host) const = 0;
  // After an upgrade from HTTP. `claim` is the handshake's.
  virtual std::unique_ptr<Codec> make_websocket(CodecHost& host, const PageClaim& claim) const = 0;
  // Appends an error as a client of that protocol reads it. Nothing else is sent to it.
  virtual void append_refusal(std::string& out, WireProtocol protocol, const proto::Error& error,
                              TimePoint now) const = 0;

 protected:
  ~CodecFactory() = default;
};

}  // namespace sluice::core
