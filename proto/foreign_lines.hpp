// Recognises lines of other line protocols among bytes that are not JSON.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::proto {

// Another protocol's client on a JSON stream. After its lines may come JSON that a third party wrote, such as
// the body of a web form or the text of a mail.
enum class ForeignProtocol : std::uint8_t { none, http, proxy, smtp, ftp, redis, ssh };
std::string_view to_string(ForeignProtocol protocol);

// Looks at lines in pieces, whatever they are cut into. Keeps the beginning and the end of a line only, so
// that it takes a fixed size for lines of any length. Not thread-safe; one per connection.
class ForeignLines {
 public:
  void begin_line() {
    head_size_ = tail_size_ = 0;
    blank_due_ = false;
  }
  // Begins within a line whose first bytes are not known.
  void begin_within_line() {
    begin_line();
    head_[head_size_++] = '\0';
  }
  // The protocol of the first foreign line that ends in `bytes`. A line ends at CR or LF.
  ForeignProtocol feed(std::string_view bytes);

 private:
  static constexpr std::size_t kHeadBytes = 40;  // longer than any header's name that is known here
  static constexpr std::size_t kTailBytes = 16;  // more than " HTTP/1.1"

  void add(std::string_view piece);
  void add_to_tail(std::string_view text);
  ForeignProtocol end_line();

  std::array<char, kHeadBytes> head_;
  std::array<char, kTailBytes> tail_;
  std::uint8_t head_size_ = 0;
  std::uint8_t tail_size_ = 0;
  bool blank_due_ = false;  // blanks came behind the tail
};

}  // namespace sluice::proto
