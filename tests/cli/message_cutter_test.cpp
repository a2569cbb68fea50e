#include "cli/message_cutter.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace sluice::client {
namespace {

// All messages of `stream` when it comes in pieces of `size` bytes.
std::vector<std::string> cut(std::string_view stream, std::size_t size) {
  MessageCutter cutter;
  std::vector<std::string> messages;
  for (; !stream.empty(); stream.remove_prefix(std::min(size, stream.size()))) {
    cutter.append(stream.substr(0, size));
    for (auto message = cutter.next(); message && message.value(); message = cutter.next())
      messages.push_back(*message.value());
  }
  CHECK_FALSE(cutter.has_partial());
  return messages;
}

}  // namespace

TEST_CASE("MessageCutter: messages are the same at every fragment size") {
  const std::vector<std::string> messages{R"({"a":"}]\\\"{"})", "[]", "[{\n},[1]]", R"({"b":"\\"})"};
  const std::string stream =
      " \r\n" + messages[0] + messages[1] + "\n" + messages[2] + "\t" + messages[3] + "\n";
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    CAPTURE(size);
    CHECK(cut(stream, size) == messages);
  }
}

TEST_CASE("MessageCutter: an unfinished message is not an error but is known") {
  MessageCutter cutter;
  cutter.append("{\"a\":");
  const auto message = cutter.next();
  REQUIRE(message.has_value());
  CHECK_FALSE(message.value().has_value());
  CHECK(cutter.has_partial());
}

TEST_CASE("MessageCutter: other protocols are refused at their first byte") {
  MessageCutter cutter;
  cutter.append("HTTP/1.1 400 Bad Request\r\n");
  const auto message = cutter.next();
  REQUIRE_FALSE(message.has_value());
  CHECK(message.error().code == ExitCode::unreachable);
}

}  // namespace sluice::client
