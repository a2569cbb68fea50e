#include "lib/access/subject.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sluice::core::testing {
namespace {

TEST_CASE("Subjects: every spelling becomes the one that OpenSSL prints") {
  const struct {
    std::string written, printed;
  } subjects[] = {
      {"CN=deploy", "CN=deploy"},
      {"cn=deploy,commonName=x,2.5.4.10=y", "CN=deploy,CN=x,O=y"},
      {"E=a@b.example", "emailAddress=a@b.example"},
      {"CN=J\xC3\xB6rg", R"(CN=J\C3\B6rg)"},
      {R"(CN=J\c3\b6rg)", R"(CN=J\C3\B6rg)"},
      {R"(CN=a\2cb)", R"(CN=a\,b)"},
      {R"(CN=\ a\ )", R"(CN=\ a\ )"},
      {"CN=a+OU=x,O=y", "OU=x+CN=a,O=y"},
      {"OU=x+CN=a,O=y", "OU=x+CN=a,O=y"},
      {"CN=", "CN="},
      {"1.2.3=#0401", "1.2.3=#0401"},
  };
  for (const auto& subject : subjects) {
    CAPTURE(subject.written);
    CHECK(canonical_subject(subject.written) == subject.printed);
  }
}

TEST_CASE("Subjects: letters and the order of parts make a difference") {
  CHECK(canonical_subject("CN=Deploy") != canonical_subject("CN=deploy"));
  CHECK(canonical_subject("CN=a,O=b") != canonical_subject("O=b,CN=a"));
  CHECK(canonical_subject("CN=a+O=b") != canonical_subject("CN=a,O=b"));
}

TEST_CASE("Subjects: a text that no certificate can have is refused") {
  for (const std::string text : {"", "deploy", "=a", "CN", "CN=a,", "CN=a, O=b", "CN = a", "CN=a ", "CN= a",
                                 "CN=\"a\"", "CN=a\\", "FOO=a", "CN=\\E9", "CN=\xE9", "/CN=a"}) {
    CAPTURE(text);
    CHECK_FALSE(canonical_subject(text));
  }
}

}  // namespace
}  // namespace sluice::core::testing
