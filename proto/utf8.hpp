// UTF-8 validator, for a whole text or for pieces.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::proto {

// Checks a text that comes in pieces, which may end inside of a character. Overlong forms, surrogates and
// what is past U+10FFFF are refused, at the first byte from which on it can't become right. Not thread-safe.
class Utf8Validator {
 public:
  // Forgets the current text and begins another.
  void reset() { *this = {}; }

  // Continues where the last piece ended. false: the text is not UTF-8, and only reset() may follow.
  bool accept(std::string_view piece);

  // True if the text may end here: not inside a character.
  bool complete() const { return left_ == 0; }

 private:
  bool begin_character(unsigned char byte);
  bool continue_character(unsigned char byte);

  std::uint8_t left_ = 0;     // bytes that the current character still needs
  unsigned char low_ = 0x80;  // bounds of the next one of them
  unsigned char high_ = 0xBF;
};

// True if `text` as a whole is UTF-8.
bool is_utf8(std::string_view text);

}  // namespace sluice::proto
