#include "cli/sse_parser.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kData = "data";

}  // namespace

// A line ends in CR LF, LF or CR. A line feed that comes later than its CR is skipped then.
std::optional<std::string_view> SseParser::next_line() {
  if (skip_line_feed_ && begin_ < pending_.size()) {
    skip_line_feed_ = false;
    if (pending_[begin_] == '\n') ++begin_;
  }
  const std::size_t end = pending_.find_first_of("\r\n", std::max(begin_, searched_));
  if (end == std::string::npos) {
    pending_.erase(0, begin_);
    begin_ = 0;
    searched_ = pending_.size();
    return std::nullopt;
  }
  skip_line_feed_ = pending_[end] == '\r';
  const std::string_view line = std::string_view(pending_).substr(begin_, end - begin_);
  begin_ = searched_ = end + 1;
  return line;
}

void SseParser::take_line(std::string_view line) {
  if (std::exchange(at_start_, false) && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  if (line.substr(0, colon) != kData) return;
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (std::exchange(has_data_, true)) data_ += '\n';
  data_ += value;
}

std::optional<std::string> SseParser::next() {
  while (const auto line = next_line()) {
    if (!line->empty()) {
      take_line(*line);
    } else if (std::exchange(has_data_, false)) {
      return std::exchange(data_, std::string());
    }
  }
  return std::nullopt;
}

}  // namespace sluice::client
