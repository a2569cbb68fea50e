#include "lib/backend/oversize_reply.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sluice::core::testing {
namespace {

const std::string kLong(500, 'x');

// As it is found where no more than the first bytes are kept, and the rest comes in pieces.
std::optional<std::uint32_t> id_of(std::string_view text, std::size_t kept, std::size_t piece_bytes) {
  OversizeReply reply;
  if (const auto id = reply.begin(text.substr(0, kept))) return id;
  for (std::size_t at = kept; at < text.size(); at += piece_bytes) reply.feed(text.substr(at, piece_bytes));
  return reply.end();
}

void check(const std::string& text, std::optional<std::uint32_t> id) {
  CAPTURE(text);
  for (const std::size_t kept : {1, 4, 11, 40}) {
    for (const std::size_t size : {1, 2, 3, 7, 100, 1000}) CHECK(id_of(text, kept, size) == id);
  }
}

TEST_CASE("the id of a reply that is too long is found wherever it stands") {
  check(R"({"id":7,"result":")" + kLong + R"(","id":7})", 7);
  CHECK(id_of(R"({"jsonrpc":"2.0","id":7,"result":")" + kLong + R"("})", 40, 100) == 7);
  check(R"({"result":")" + kLong + R"(","id":7})", 7);
  check(R"({ "result" : ")" + kLong + R"(" , "id" : 7 , "jsonrpc" : "2.0" }  )", 7);
  check(R"({"result":")" + kLong + R"(","id":"7"})", 7);
}

TEST_CASE("an id in an oversize reply's result is not taken for its own") {
  check(R"({"result":[")" + kLong + R"(",{"id":7}]})", std::nullopt);
  check(R"({"result":{"x":")" + kLong + R"(","id":7}})", std::nullopt);
  check(R"({"result":{"x":")" + kLong + R"(","id":7},"id":8})", 8);
  check(R"({"x":")" + kLong + R"(","result":"\"id\":7}"})", std::nullopt);
  check(R"({"x":")" + kLong + R"(","\"id":7})", std::nullopt);
}

TEST_CASE("a long line that is not a reply has no id") {
  check(R"({"result":")" + kLong + R"(","id":7)", std::nullopt);
  check(R"({"result":")" + kLong + R"("],"id":7})", std::nullopt);
  check(R"({"result":")" + kLong + R"(","id":7} and more)", std::nullopt);
  check(R"({"result":")" + kLong + R"(","id":"x7"})", std::nullopt);
  check(kLong + R"(,"id":7})", std::nullopt);
}

}  // namespace
}  // namespace sluice::core::testing
