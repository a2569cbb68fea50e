#include "lib/transport/proxy_header.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <arpa/inet.h>

namespace sluice::core {
namespace {

using Status = ProxyHeader::Status;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

// A header and the rest of `bytes` behind it, passed in pieces of at most `size`.
struct Outcome {
  Status status = Status::need_more;
  std::string source;
  std::string rest;
  bool operator==(const Outcome&) const = default;
};

std::string text_of(const sockaddr_in6& peer) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v6 = peer.sin6_family == AF_INET6;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
  ::inet_ntop(peer.sin6_family, v6 ? static_cast<const void*>(&peer.sin6_addr) : &v4.sin_addr, text,
              sizeof text);
  return std::string(text) + " " + std::to_string(ntohs(peer.sin6_port));
}

Outcome read(std::string_view bytes, std::size_t size) {
  ProxyHeader header;
  std::size_t at = 0;
  // What has come and was not taken is shown again, as of a socket that is looked into.
  for (std::size_t come = size; header.status() == Status::need_more && at < bytes.size(); come += size) {
    const std::size_t seen = std::min(std::min(come, bytes.size()) - at, header.wanted());
    at += header.take(bytes.substr(at, seen));
  }
  Outcome outcome{header.status(), "", std::string(bytes.substr(at))};
  if (header.source()) outcome.source = text_of(*header.source());
  return outcome;
}

void check(std::string_view bytes, const Outcome& expected) {
  CAPTURE(bytes);
  for (std::size_t size = 1; size <= bytes.size(); ++size) CHECK(read(bytes, size) == expected);
}

std::string binary(int command, int family, const std::string& behind, int version = 2) {
  std::string text(kSignature);
  text += static_cast<char>(version << 4 | command);
  text += static_cast<char>(family);
  text += static_cast<char>(behind.size() >> 8);
  text += static_cast<char>(behind.size() & 0xFF);
  return text + behind;
}

const std::string kIpv4("\xC0\x00\x02\x01\x0A\x00\x00\x01\x12\x34\x00\x50", 12);
const std::string kTlv(
    "\x02\x00\x05"
    "a.com",
    8);

TEST_CASE("PROXY header: version 1 names the peer, and not a byte behind the line is taken") {
  check("PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n{}", {Status::complete, "192.0.2.1 4660", "{}"});
  check("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n\x16\x03",
        {Status::complete, "2001:db8::1 65535", "\x16\x03"});
  check("PROXY UNKNOWN\r\nGET", {Status::complete, "", "GET"});
  check("PROXY UNKNOWN ffff::1 what ever 1 2\r\n", {Status::complete, "", ""});
}

TEST_CASE("PROXY header: version 2 names the peer, and other fields are skipped") {
  check(binary(1, 0x11, kIpv4) + "{}", {Status::complete, "192.0.2.1 4660", "{}"});
  check(binary(1, 0x11, kIpv4 + kTlv + kTlv) + "{}", {Status::complete, "192.0.2.1 4660", "{}"});
  const std::string v6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
                         std::string(16, '\0') + std::string("\x12\x34\x00\x50", 4);
  check(binary(1, 0x21, v6) + "{}", {Status::complete, "2001:db8::1 4660", "{}"});
  check(binary(1, 0x21, v6 + kTlv) + "{}", {Status::complete, "2001:db8::1 4660", "{}"});
}

TEST_CASE("PROXY header: a proxy that speaks for itself, or for a peer that it does not know, names none") {
  check(binary(0, 0x00, "") + "{}", {Status::complete, "", "{}"});
  check(binary(0, 0x11, kIpv4) + "{}", {Status::complete, "", "{}"});
  check(binary(0, 0x77, kTlv) + "{}", {Status::complete, "", "{}"});
  check(binary(1, 0x00, kTlv) + "{}", {Status::complete, "", "{}"});
  check(binary(1, 0x31, std::string(216, 'x')) + "{}", {Status::complete, "", "{}"});
  ProxyHeader local;
  local.take(binary(0, 0, ""));
  CHECK(local.is_local());
}

TEST_CASE("PROXY header: a long one takes no memory") {
  const std::string bytes = binary(1, 0x11, kIpv4 + std::string(65'000, 't')) + "{}";
  CHECK(read(bytes, 700) == Outcome{Status::complete, "192.0.2.1 4660", "{}"});
}

TEST_CASE("PROXY header: anything else is invalid") {
  for (const std::string& bytes :
       {std::string("{}"), std::string("POST / HTTP/1.1\r\n"),
        std::string("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"), std::string("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n"),
        std::string("PROXY TCP4 ::1 1.2.3.4 1 2\r\n"), std::string("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"),
        std::string("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"),
        std::string("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"), std::string("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"),
        std::string("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"), std::string("PROXY \r\n"),
        std::string("proxy UNKNOWN\r\n"), "PROXY UNKNOWN" + std::string(100, ' ') + "\r\n",
        binary(2, 0x11, kIpv4), binary(1, 0x11, kIpv4, 1), binary(1, 0x11, kIpv4.substr(1)),
        binary(1, 0x21, kIpv4), std::string("\r\n\r\n\0\r\nQUIT!...", 16)}) {
    CAPTURE(bytes);
    for (std::size_t size = 1; size <= bytes.size(); ++size)
      CHECK(read(bytes, size).status == Status::invalid);
  }
}

TEST_CASE("PROXY header: input that is not a header from its first byte on is left as it is") {
  CHECK(read("{}", 2).rest == "{}");
  CHECK(read("POST / HTTP/1.1\r\n", 17).rest == "POST / HTTP/1.1\r\n");
}

}  // namespace
}  // namespace sluice::core
