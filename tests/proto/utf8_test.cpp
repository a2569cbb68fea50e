#include "proto/utf8.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::proto {
namespace {

// The text in two pieces, cut at each position, must be valid exactly if the whole is.
bool check_cuts(std::string_view text) {
  const bool whole = is_utf8(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Utf8Validator validator;
    const bool pieces =
        validator.accept(text.substr(0, cut)) && validator.accept(text.substr(cut)) && validator.complete();
    CHECK(pieces == whole);
  }
  return whole;
}

std::string encode(std::uint32_t code_point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code_point >> shift & 0x3F)); };
  const auto head = [&](std::uint32_t mark, int shift) {
    return static_cast<char>(mark | code_point >> shift);
  };
  if (code_point < 0x80) return {head(0, 0)};
  if (code_point < 0x800) return {head(0xC0, 6), tail(0)};
  if (code_point < 0x10000) return {head(0xE0, 12), tail(6), tail(0)};
  return {head(0xF0, 18), tail(12), tail(6), tail(0)};
}

TEST_CASE("utf-8: every character but surrogates is accepted, and nothing past U+10FFFF") {
  std::size_t wrong = 0;
  for (std::uint32_t code_point = 0; code_point < 0x120000; ++code_point) {
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (is_utf8(encode(code_point)) != (!surrogate && code_point <= 0x10FFFF)) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("utf-8: of two bytes, only those that are one or two characters are accepted") {
  std::size_t accepted = 0;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second)
      accepted += is_utf8(std::string{static_cast<char>(first), static_cast<char>(second)});
  }
  CHECK(accepted == 128 * 128 + (0xDF - 0xC2 + 1) * 64);
}

TEST_CASE("utf-8: overlong forms are refused") {
  for (const std::string_view text :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF"}) {
    CAPTURE(text);
    CHECK_FALSE(check_cuts(text));
  }
}

TEST_CASE("utf-8: an invalid byte is found at every position") {
  for (std::size_t size = 1; size < 100; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '\xFF';
      CHECK_FALSE(is_utf8(text));
      text[at] = '\xC3';
      CHECK_FALSE(is_utf8(text));
      if (at + 1 == size) continue;
      text[at + 1] = '\xA4';
      CHECK(is_utf8(text));
    }
  }
}

TEST_CASE("utf-8: a text may be cut anywhere") {
  CHECK(check_cuts(""));
  CHECK(check_cuts("plain ASCII that is longer than the bytes that are checked in one step"));
  CHECK(check_cuts("a\xC3\xA4 \xE2\x82\xAC\xE2\x82\xAC \xF0\x9F\x98\x80 and then ASCII again for a while"));
  CHECK_FALSE(check_cuts("ends inside of a character \xF0\x9F\x98"));
  CHECK_FALSE(check_cuts("a surrogate \xED\xA0\x80 in the middle"));
}

TEST_CASE("utf-8: a text that is not complete may still become so") {
  Utf8Validator validator;
  CHECK(validator.complete());
  CHECK(validator.accept("\xF0\x9F"));
  CHECK_FALSE(validator.complete());
  CHECK(validator.accept("\x98\x80"));
  CHECK(validator.complete());
  CHECK(validator.accept("\xC3"));
  validator.reset();
  CHECK(validator.complete());
  CHECK(validator.accept("a"));
}

}  // namespace
}  // namespace sluice::proto
