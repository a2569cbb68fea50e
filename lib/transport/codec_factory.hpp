// Codec factory: creates the codecs of connections.
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

// Keeps connections independent of protocols. Thread-safe: it keeps nothing of what it creates.
class CodecFactory {
 public:
  // For a detected protocol: stream, header or http.
  virtual std::unique_ptr<Codec> make(WireProtocol protocol, CodecHost& host) const = 0;
  // For an upgrade from HTTP. `claim` is the handshake's.
  virtual std::unique_ptr<Codec> make_websocket(CodecHost& host, const PageClaim& claim) const = 0;
  // Appends an error in the client's protocol. The connection sends nothing else.
  virtual void append_refusal(std::string& out, WireProtocol protocol, const proto::Error& error,
                              TimePoint now) const = 0;

 protected:
  ~CodecFactory() = default;
};

}  // namespace sluice::core
