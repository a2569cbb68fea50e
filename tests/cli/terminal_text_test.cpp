#include "cli/terminal_text.hpp"

#include <doctest/doctest.h>

namespace sluice::client {
namespace {

TEST_CASE("Terminal text: characters that control a terminal or mislead a reader are escaped") {
  CHECK(terminal_text("\x1b[2J") == "\\u001b[2J");
  CHECK(terminal_text("a\x7f"
                      "b") == "a\\u007fb");
  CHECK(terminal_text("\xc2\x9b"
                      "2J") == "\\u009b2J");
  CHECK(terminal_text("\xe2\x80\xae"
                      "x\xe2\x80\xa8") == "\\u202ex\\u2028");
  CHECK(terminal_text("\xf3\xa0\x81\xa1") == "\\udb40\\udc61");
}

TEST_CASE("Terminal text: invalid UTF-8 is replaced") {
  CHECK(terminal_text("\x9b"
                      "2J") ==
        "\xef\xbf\xbd"
        "2J");
  CHECK(terminal_text("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(terminal_text("\xe2\x80") == "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("Terminal text: letters, lines and tabs stay") {
  const char* text = "{\n\t\"\xc3\xa4\": \"\xe4\xb8\xad \xf0\x9f\x98\x80\"\n}";
  CHECK(terminal_text(text) == text);
}

}  // namespace
}  // namespace sluice::client
