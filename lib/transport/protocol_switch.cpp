#include "lib/transport/protocol_switch.hpp"

namespace sluice::core {

Result<void, ProtocolSwitch::Refusal> ProtocolSwitch::detect(std::string_view bytes, Missing missing,
                                                             CodecHost& host) {
  const WireProtocol protocol = detect_protocol(bytes);
  if (protocol == WireProtocol::undecided) return success();
  if (missing != Missing::nothing) return refusal_of(missing, protocol);
  if (protocol == WireProtocol::proxy) {
    return Refusal{.error = proto::invalid_request("the PROXY protocol is not expected here"),
                   .foreign = Foreign::proxy_header,
                   .log_text = "a PROXY header came to a listener without proxy_protocol = true"};
  }
  codec_ = factory_.make(protocol, host);
  return success();
}

// Input without a recognisable protocol counts as a stream, whose codec reports what is wrong with it.
Result<void, ProtocolSwitch::Refusal> ProtocolSwitch::detect_at_end(std::string_view bytes, Missing missing,
                                                                    CodecHost& host) {
  if (missing != Missing::nothing) return refusal_of(missing, WireProtocol::stream);
  if (!bytes.empty()) codec_ = factory_.make(WireProtocol::stream, host);
  return success();
}

ProtocolSwitch::Refusal ProtocolSwitch::refusal_of(Missing missing, WireProtocol spoken) {
  if (missing == Missing::tls)
    return {.error = proto::tls_required(), .reason = CloseReason::tls_required, .spoken = spoken};
  return {.error = proto::invalid_request("a PROXY protocol header has to come first"),
          .spoken = spoken,
          .foreign = Foreign::no_proxy_header,
          .log_text = "no valid PROXY header came first, as proxy_protocol = true on the listener asks for"};
}

}  // namespace sluice::core
