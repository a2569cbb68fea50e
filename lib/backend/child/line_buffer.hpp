// Line buffer: cuts the bytes of a pipe into lines.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::core {

// Keeps the beginning of a line until its end has come. Not thread-safe.
class LineBuffer {
 public:
  // `line_bytes_max` is the most that a line may have. Calls `on_line(line)` for each line that is whole,
  // without its end ("\n" or "\r\n"), and `on_long(start)` once for one that is too long, whose rest is
  // not kept: `on_rest(piece, is_last)` sees it go by. Views last for the call.
  template <typename OnLine, typename OnLong, typename OnRest>
  void feed(std::string_view bytes, std::size_t line_bytes_max, OnLine on_line, OnLong on_long,
            OnRest on_rest) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const bool whole = end != std::string_view::npos;
      const std::string_view piece = bytes.substr(0, end);
      bytes.remove_prefix(whole ? end + 1 : bytes.size());
      if (skipping_) {
        skipped_ += piece.size();
        on_rest(piece, whole);
      } else if (held_.size() + piece.size() > line_bytes_max) {
        const std::size_t kept = line_bytes_max - std::min(line_bytes_max, held_.size());
        held_ += piece.substr(0, kept);
        on_long(std::string_view(held_));
        on_rest(piece.substr(kept), whole);
        skipping_ = true;
        skipped_ = 0;
      } else if (whole && held_.empty()) {
        on_line(without_return(piece));
      } else {
        held_ += piece;
        if (whole) on_line(without_return(held_));
      }
      if (whole || skipping_) drop();
      if (whole) skipping_ = false;
    }
  }

  // The bytes have ended: calls `on_line(line)` where there is a line without its end.
  template <typename OnLine>
  void finish(OnLine on_line) {
    if (!skipping_ && !held_.empty()) on_line(without_return(held_));
    drop();
    skipping_ = false;
  }

  // What there is of a line whose end will not come.
  std::string_view rest() const { return held_; }
  // Bytes that were dropped of the present line; 0 where it is not too long.
  std::size_t skipped() const { return skipping_ ? skipped_ : 0; }

 private:
  static constexpr std::size_t kKeptBytesMax = 64 * 1024;  // of room, between lines

  static std::string_view without_return(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  void drop() {
    held_.clear();
    if (held_.capacity() > kKeptBytesMax) held_.shrink_to_fit();
  }

  std::string held_;
  std::size_t skipped_ = 0;
  bool skipping_ = false;
};

}  // namespace sluice::core
