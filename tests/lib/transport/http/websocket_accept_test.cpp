#include "lib/transport/http/websocket_accept.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice::core {
namespace {

TEST_CASE("websocket handshake: the key is answered as RFC 6455 has it") {
  CHECK(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(websocket_accept("AQIDBAUGBwgJCgsMDQ4PEA==") == "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=");
}

TEST_CASE("websocket handshake: a key that is not the base64 of 16 bytes has no answer") {
  for (const std::string_view key :
       {"", "==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
        " dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ== ", "dGhlIHNhbXBsZSBub25jZTEy",
        "dGhlIHNhbXBsZSBub25jZTE=", "dGhlIHNhbXBsZSBub25j-_==", "dGhlIHNhbXBsZSBub25jZ\n==",
        "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZWRnZQ=="}) {
    CAPTURE(key);
    CHECK_FALSE(websocket_accept(key).has_value());
  }
}

}  // namespace
}  // namespace sluice::core
