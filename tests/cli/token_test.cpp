#include "cli/token.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <set>
#include <sstream>

namespace sluice::client {
namespace {

std::string read(const std::string& text) {
  std::istringstream in(text);
  const Result<std::string> token = read_token(in, "on stdin");
  return token ? token.value() : "failure: " + token.error().message;
}

TEST_CASE("Token: a new one has 256 bits in 43 characters that need no quotes") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Result<std::string> token = new_token();
    REQUIRE(token.has_value());
    CHECK(token.value().size() == 43);
    CHECK(token.value().find_first_not_of(
              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos);
    CHECK(seen.insert(token.value()).second);
  }
}

// The vector of FIPS 180-2, appendix B.1.
TEST_CASE("Token: its line for the configuration has its SHA-256") {
  CHECK(digest_line("abc").value() ==
        "token_sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
}

TEST_CASE("Token: the file's only line is the token, without its end") {
  CHECK(read("secret\n") == "secret");
  CHECK(read("secret\r\n") == "secret");
  CHECK(read(" a b ") == " a b ");
  CHECK(read("") == "failure: no token on stdin");
  CHECK(read("\n") == "failure: no token on stdin");
  CHECK(read("one\ntwo\n") == "failure: more than one line on stdin");
  CHECK(read(std::string(1024, 'x') + "\r\n") == std::string(1024, 'x'));
  for (const std::size_t size : {1025, 2000}) {
    CHECK(read(std::string(size, 'x')) == "failure: the token on stdin is too long");
  }
  CHECK(read("\xff") == "failure: the token on stdin is not UTF-8");
}

TEST_CASE("Token: the user's comes from the environment where no file is named") {
  unsetenv("SLUICE_TOKEN");
  CHECK(token_of_user("").value() == "");
  setenv("SLUICE_TOKEN", "secret", 1);
  CHECK(token_of_user("").value() == "secret");
  setenv("SLUICE_TOKEN", "one\ntwo", 1);
  CHECK(token_of_user("").error().message == "more than one line in SLUICE_TOKEN");
  unsetenv("SLUICE_TOKEN");
}

TEST_CASE("Token: a file without a token is named") {
  CHECK(token_of_user("/nonexistent/token").error().message ==
        "cannot read /nonexistent/token: No such file or directory");
  CHECK(token_of_user("/dev/null").error().message == "no token in /dev/null");
  CHECK(token_of_user("/tmp").error().message == "no token in /tmp");
}

}  // namespace
}  // namespace sluice::client
