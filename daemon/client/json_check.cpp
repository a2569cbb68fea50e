#include "daemon/client/json_check.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "daemon/client/json_text.hpp"
#include "proto/json_text.hpp"
#include "proto/json_tokens.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::client {
namespace {

using Status = proto::MessageScanner::Status;

// Where the scanner stops in `text`; its size where it is one value.
std::optional<std::size_t> scan(std::string_view text) {
  const std::size_t begin = skip_blank(text, 0);
  proto::MessageScanner scanner(/*batch_entries_max=*/0);
  Status status = scanner.scan(text.substr(begin));
  if (status == Status::incomplete) status = scanner.finish();
  const std::size_t end = begin + scanner.position();
  if (status != Status::complete) return end;
  const std::size_t behind = skip_blank(text, end);
  return behind == text.size() ? std::nullopt : std::optional(behind);
}

// Changes escaped surrogates into other characters, which need no partner.
void replace_surrogates(std::string& text) {
  for (std::size_t at = text.find('\\'); at < text.size(); at = text.find('\\', at + 2)) {
    if (text.compare(at, 3, "\\ud") == 0 || text.compare(at, 3, "\\uD") == 0) text[at + 2] = '0';
  }
}

// Checks a text a layer of levels at a time. A layer that has been checked becomes an empty array of the same
// length. What is around it is then not too deep for the scanner, and offsets do not change.
class LayeredCheck {
 public:
  explicit LayeredCheck(std::string text) : text_(std::move(text)) {}

  std::optional<std::size_t> run() {
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '"') {
        at += proto::string_size(std::string_view(text_).substr(at)) - 1;
      } else if (c == '[' || c == '{') {
        if (depth++ % kLayerDepth == 0) layers_.push_back(at);
      } else if (c == ']' || c == '}') {
        if (depth == 0) break;
        if (--depth % kLayerDepth == 0) check_innermost(at + 1);
      }
    }
    while (!layers_.empty()) check_innermost(text_.size());
    note(scan(text_), 0);
    return first_error_;
  }

 private:
  static constexpr std::size_t kLayerDepth = proto::kDepthMax - 1;  // one is left for the array in it

  void check_innermost(std::size_t end) {
    const std::size_t begin = layers_.back();
    layers_.pop_back();
    note(scan(std::string_view(text_).substr(begin, end - begin)), begin);
    text_.replace(begin, end - begin, end - begin, ' ');
    text_[end - 1] = ']';
    text_[begin] = '[';
  }

  void note(std::optional<std::size_t> error, std::size_t begin) {
    if (error) first_error_ = std::min(begin + *error, first_error_.value_or(text_.size()));
  }

  std::string text_;
  std::vector<std::size_t> layers_;  // where those that are open begin, outermost first
  std::optional<std::size_t> first_error_;
};

}  // namespace

std::optional<std::size_t> json_error_offset(std::string_view text) {
  if (!scan(text)) return std::nullopt;
  std::string replaced(text);
  replace_surrogates(replaced);
  return LayeredCheck(std::move(replaced)).run();
}

}  // namespace sluice::client
