#include "lib/transport/protocol_detector.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::core {
namespace {

struct Row {
  std::string bytes;
  WireProtocol expected;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"{\"jsonrpc\"", WireProtocol::stream},
      {"[1", WireProtocol::stream},
      {" \r\n\t {", WireProtocol::stream},
      {"nonsense", WireProtocol::stream},
      {"\x16\x03\x01", WireProtocol::stream},
      {std::string("\0x", 2), WireProtocol::stream},
      {"NONSENSE\n", WireProtocol::stream},
      {"HELLO there", WireProtocol::stream},
      {"\xEF\xBB\xBF{", WireProtocol::stream},
      {"\xEF\xBB\xBF"
       "Content-Length: 2",
       WireProtocol::header},
      {"\xEF\xBB\xBFPOST / HTTP/1.1", WireProtocol::stream},
      {"PROXY TCP4 192.0.2.1 ", WireProtocol::proxy},
      {"PROXY UNKNOWN\r\n", WireProtocol::proxy},
      {std::string("\r\n\r\n\0\r\nQUIT\n\x21", 13), WireProtocol::proxy},
      {"\xff", WireProtocol::stream},
      {"Content-Length: 5\r\n", WireProtocol::header},
      {"content-length:5", WireProtocol::header},
      {"CONTENT-TYPE: application/json", WireProtocol::header},
      {"\r\nCoNtEnT-lEnGtH:", WireProtocol::header},
      {"Content-Encoding: x", WireProtocol::stream},
      {"Content-Length 5", WireProtocol::stream},
      {"GET / HTTP/1.1\r\n", WireProtocol::http},
      {"POST /x HTTP/1.0\r\n", WireProtocol::http},
      {"HEAD / ", WireProtocol::http},
      {"PUT / ", WireProtocol::http},
      {"DELETE / ", WireProtocol::http},
      {"OPTIONS * HTTP/1.1", WireProtocol::http},
      {"PATCH / ", WireProtocol::http},
      {"CONNECT a:1 ", WireProtocol::http},
      {"TRACE / ", WireProtocol::http},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WireProtocol::http},
      {"\r\nPOST / HTTP/1.1", WireProtocol::http},
      {"GETX / HTTP/1.1", WireProtocol::http},
      {"PROPFIND / HTTP/1.1", WireProtocol::http},
      {"M-SEARCH * HTTP/1.1", WireProtocol::http},
      {"MKCALENDAR http://a/ HTTP/1.1", WireProtocol::http},
      {"MKCALENDAR httpx", WireProtocol::stream},
      {"get / HTTP/1.1", WireProtocol::http},
      {"Post / HTTP/1.1", WireProtocol::http},
      {"GET\t/ HTTP/1.1", WireProtocol::stream},
  };
  return all;
}

TEST_CASE("protocol detector: the first bytes show the protocol of a connection") {
  for (const Row& row : rows()) {
    CAPTURE(row.bytes);
    CHECK(detect_protocol(row.bytes) == row.expected);
  }
}

TEST_CASE("protocol detector: no prefix is taken for something that it does not become") {
  for (const Row& row : rows()) {
    bool decided = false;
    for (std::size_t size = 0; size <= row.bytes.size(); ++size) {
      const auto verdict = detect_protocol(std::string_view(row.bytes).substr(0, size));
      CAPTURE(row.bytes);
      CAPTURE(size);
      // Once decided, it stays decided.
      CHECK((verdict == row.expected || (!decided && verdict == WireProtocol::undecided)));
      decided = decided || verdict != WireProtocol::undecided;
    }
    CHECK(decided);
  }
}

TEST_CASE("protocol detector: white space alone says nothing") {
  CHECK(detect_protocol("") == WireProtocol::undecided);
  CHECK(detect_protocol("\r\n") == WireProtocol::undecided);
  CHECK(detect_protocol(std::string(10'000, ' ')) == WireProtocol::undecided);
}

}  // namespace
}  // namespace sluice::core
