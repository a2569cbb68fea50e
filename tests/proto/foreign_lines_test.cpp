// Lines of other protocols on a JSON stream.
#include "proto/foreign_lines.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "proto/frame_decoder.hpp"
#include "tests/proto/replay.hpp"

namespace sluice::proto {
namespace {

constexpr std::string_view kCall = R"({"jsonrpc":"2.0","id":1,"method":"demo.sum","params":[1,2]})";

ForeignProtocol protocol_of(std::string_view line) {
  ForeignLines lines;
  return lines.feed(std::string(line) + "\r\n");
}

// Feeds the stream in pieces of `size`, as they arrive over a connection.
testing::Lines events(std::string_view input, std::size_t size) {
  FrameDecoder decoder(Framing::stream, {});
  decoder.refuse_foreign_lines();
  testing::Replay connection(decoder);
  for (std::size_t sent = 0; sent < input.size() && !connection.lost(); sent += size)
    connection.receive(input.substr(sent, size));
  connection.end();
  return testing::in_short(connection.events());
}

TEST_CASE("foreign lines: request lines, status lines and headers are HTTP") {
  for (const char* line :
       {"POST / HTTP/1.1", "get /x?y http/1.0", "  PROPFIND * HTTP/1.1  ", "\tOPTIONS / HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1", "PRI * HTTP/2.0", "GET / HTTP/2", "x\x01y POST / HTTP/1.1",
        "HTTP/1.1 200 OK", "DESCRIBE rtsp://a RTSP/1.0", "INVITE sip:a@b SIP/2.0", "Host: evil.example",
        "host:x", "User-Agent : x", "Content-Type: text/plain", "Content-Length: 60", "Sec-Fetch-Mode: cors",
        "Upgrade-Insecure-Requests: 1", "Origin: null"}) {
    CAPTURE(line);
    CHECK(protocol_of(line) == ForeignProtocol::http);
  }
  CHECK(protocol_of("GET / HTTP/1.1" + std::string(100, ' ')) == ForeignProtocol::http);
  CHECK(protocol_of("GET /" + std::string(100'000, 'x') + " HTTP/1.1") == ForeignProtocol::http);
}

TEST_CASE("foreign lines: other line protocols have their commands") {
  CHECK(protocol_of("PROXY TCP4 192.0.2.1 192.0.2.2 1 2") == ForeignProtocol::proxy);
  CHECK(protocol_of("PROXY UNKNOWN") == ForeignProtocol::proxy);
  for (const char* line : {"EHLO a", "HELO a", "MAIL FROM:<a@b>", "rcpt to:<a@b>", "DATA", "QUIT"})
    CHECK(protocol_of(line) == ForeignProtocol::smtp);
  for (const char* line : {"USER anonymous", "PASS x", "PORT 1,2,3,4,5,6"})
    CHECK(protocol_of(line) == ForeignProtocol::ftp);
  for (const char* line : {"*3", "$11", "PING", "AUTH x", "SET a b", "CONFIG SET dir /"})
    CHECK(protocol_of(line) == ForeignProtocol::redis);
  CHECK(protocol_of("SSH-2.0-OpenSSH_9.2") == ForeignProtocol::ssh);
}

TEST_CASE("foreign lines: a broken line of a JSON-RPC client is not foreign") {
  for (const char* line : {"",
                           "x",
                           "hello",
                           "not json at all",
                           R"({"jsonrpc":"2.0","id":1,"method":"demo.sum","params":[1,2])",
                           R"(["GET / HTTP/1.1" 200])",
                           R"({"log":"Host: a", x})",
                           R"("Host: a)",
                           "Warning: something is odd",
                           "Error: x",
                           "loading HTTP",
                           "data",
                           "quit",
                           "set a b",
                           "*",
                           "$x",
                           "PROXYING",
                           "SSH",
                           "GETTING / there",
                           "a/1.1",
                           "python/3.1",
                           "USER",
                           "PASS",
                           "}"}) {
    CAPTURE(line);
    CHECK(protocol_of(line) == ForeignProtocol::none);
  }
}

TEST_CASE("foreign lines: no message behind one is read, whatever the pieces") {
  const std::string call(kCall);
  for (const std::string& foreign :
       {"POST / HTTP/1.1\r\nHost: evil.example\r\n\r\n" + call + "\n",
        "\n\n \nPOST / HTTP/1.1\r\n\r\n" + call, "hello\nPOST / HTTP/1.1\r\n\r\n" + call,
        "[\nPOST / HTTP/1.1\r\n\r\n" + call, "\"POST / HTTP/1.1\r\n\r\n" + call,
        "{\"a\":POST / HTTP/1.1\r\n\r\n" + call, "null / HTTP/1.1\r\n\r\n" + call, "1 / HTTP/1.1\n" + call,
        "x\rPOST / HTTP/1.1\r\n\r\n" + call, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$60\r\n" + call + "\r\n"}) {
    for (const std::size_t size : testing::fragment_sizes()) {
      if (size > foreign.size() && size != static_cast<std::size_t>(-1)) continue;
      const std::size_t step = std::min(size, foreign.size());
      CAPTURE(foreign);
      CAPTURE(step);
      const auto seen = events(foreign, step);
      CHECK(seen == events(foreign, foreign.size()));
      for (const std::string& line : seen) CHECK(line != "message " + call);
      CHECK(std::ranges::count(seen, "foreign") == 1);
    }
  }
}

TEST_CASE("foreign lines: a broken line costs that line only") {
  const std::string call(kCall);
  CHECK(events("hello\n" + call + "\n", 1000) == testing::Lines{"malformed 0", "message " + call});
  CHECK(events("{\"log\":\"GET / HTTP/1.1\" 200}\n" + call, 7) ==
        testing::Lines{"malformed 24", "message " + call});
}

TEST_CASE("foreign lines: a decoder that does not refuse them reads on") {
  CHECK(testing::in_short(testing::replay_whole(Framing::stream, {}, "Host: a\n{}")) ==
        testing::Lines{"malformed 0", "message {}"});
}

}  // namespace
}  // namespace sluice::proto
