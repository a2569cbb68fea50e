#include "proto/utf8.hpp"

#include <cstddef>
#include <cstring>

namespace sluice::proto {
namespace {

// The first byte from `p` on that is not ASCII, or `end`. Most texts are nothing else: 32 bytes a step,
// which compilers make vectors of.
const char* skip_ascii(const char* p, const char* end) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  while (end - p >= 32) {
    std::uint64_t words[4];
    std::memcpy(words, p, sizeof words);
    if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) break;
    p += sizeof words;
  }
  while (end - p >= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    if ((word & kHighBits) != 0) break;
    p += sizeof word;
  }
  while (p < end && static_cast<unsigned char>(*p) < 0x80) ++p;
  return p;
}

}  // namespace

bool Utf8Validator::accept(std::string_view piece) {
  const char* const end = piece.data() + piece.size();
  for (const char* p = piece.data(); p < end;) {
    if (left_ > 0) {
      if (!continue_character(static_cast<unsigned char>(*p))) return false;
      ++p;
      continue;
    }
    // Characters of a text that is not ASCII mostly follow one another.
    if (static_cast<unsigned char>(*p) < 0x80) p = skip_ascii(p, end);
    if (p == end) break;
    if (!begin_character(static_cast<unsigned char>(*p))) return false;
    ++p;
  }
  return true;
}

// The bounds of the second byte exclude overlong forms, surrogates and what is past U+10FFFF
// (Unicode 15.0, table 3-7, "Well-Formed UTF-8 Byte Sequences").
bool Utf8Validator::begin_character(unsigned char byte) {
  if (byte < 0xC2 || byte > 0xF4) return false;
  left_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
  high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
  return true;
}

bool Utf8Validator::continue_character(unsigned char byte) {
  if (byte < low_ || byte > high_) return false;
  --left_;
  low_ = 0x80;
  high_ = 0xBF;
  return true;
}

bool is_utf8(std::string_view text) {
  Utf8Validator validator;
  return validator.accept(text) && validator.complete();
}

}  // namespace sluice::proto
