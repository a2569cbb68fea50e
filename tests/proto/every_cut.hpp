// Checks of the scanner's verdict on a text, however the text is cut up.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {

// The whole text at once, byte by byte, and cut in two at every position, with one scanner for all.
inline void check_every_cut(std::string_view text, const Verdict& expected) {
  CAPTURE(text);
  MessageScanner scanner;
  CHECK(scan_pieces(scanner, text, [](std::size_t) { return std::size_t{1}; }) == expected);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    CAPTURE(cut);
    CHECK(scan_pieces(scanner, text, [&](std::size_t at) { return at == 0 ? cut : text.size(); }) ==
          expected);
  }
}

inline void check_accepted(std::string_view text) {
  CAPTURE(text);
  const Verdict verdict = scan_whole(text);
  CHECK(name_of(verdict.status) == "complete");
  CHECK(verdict.position == text.size());
  check_every_cut(text, verdict);
}

inline void check_refused(std::string_view text, std::size_t offset) {
  CAPTURE(text);
  const Verdict verdict = scan_whole(text);
  CHECK(name_of(verdict.status) == "malformed");
  CHECK(verdict.position == offset);
  check_every_cut(text, verdict);
}

// Inside an object, so that an end of input is not what ends it.
inline std::string in_object(std::string_view value) { return "{\"a\":" + std::string(value) + "}"; }

}  // namespace sluice::proto::testing
