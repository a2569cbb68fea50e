#include "cli/json_check.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/json_text.hpp"
#include "proto/json_tokens.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::client {
namespace {

using Status = proto::MessageScanner::Status;

// Where `text` stops being one value; nothing if it is one.
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

// Checks a text a layer of levels at a time. In the layer around it, a layer is an empty array: so no layer
// is too deep for the scanner, and each byte is scanned once.
class LayeredCheck {
 public:
  explicit LayeredCheck(std::string_view text) : text_(text) { layers_.emplace_back(0); }

  std::optional<std::size_t> run() {
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '"') {
        at += proto::string_size(text_.substr(at)) - 1;
      } else if (c == '[' || c == '{') {
        if (depth++ % kLayerDepth == 0) open(at);
      } else if (c == ']' || c == '}') {
        if (depth == 0) break;
        if (--depth % kLayerDepth == 0) close(at + 1);
      }
    }
    while (layers_.size() > 1) close(text_.size());
    layers_.back().text += text_.substr(copied_);
    check(layers_.back());
    return first_error_;
  }

 private:
  static constexpr std::size_t kLayerDepth = proto::kDepthMax - 1;  // one is left for the array in it

  struct Cut {
    std::size_t at;     // in the layer's text, behind the empty array
    std::size_t bytes;  // that the array is shorter than what it stands for
  };
  struct Layer {
    explicit Layer(std::size_t begins) : begin(begins) {}
    std::size_t begin;
    std::string text;
    std::vector<Cut> cuts;
  };

  void open(std::size_t begin) {
    layers_.back().text += text_.substr(copied_, begin - copied_);
    layers_.emplace_back(begin);
    copied_ = begin;
  }

  void close(std::size_t end) {
    const Layer layer = [this, end] {
      layers_.back().text += text_.substr(copied_, end - copied_);
      Layer last = std::move(layers_.back());
      layers_.pop_back();
      return last;
    }();
    check(layer);
    copied_ = end;
    Layer& around = layers_.back();
    around.text += kEmpty;
    // A single bracket at the end is shorter than the array.
    const std::size_t bytes = end - layer.begin;
    around.cuts.push_back({around.text.size(), bytes - std::min(bytes, kEmpty.size())});
  }

  void check(const Layer& layer) {
    const auto error = scan(layer.text);
    if (!error) return;
    std::size_t offset = layer.begin + *error;
    for (const Cut& cut : layer.cuts) {
      if (cut.at <= *error) offset += cut.bytes;
    }
    first_error_ = std::min(offset, first_error_.value_or(text_.size()));
  }

  static constexpr std::string_view kEmpty = "[]";
  const std::string_view text_;
  std::size_t copied_ = 0;     // of the text, into layers
  std::vector<Layer> layers_;  // open ones, outermost first; before them, what is around all
  std::optional<std::size_t> first_error_;
};

}  // namespace

std::optional<std::size_t> json_error_offset(std::string_view text) {
  if (!scan(text)) return std::nullopt;
  std::string replaced(text);
  replace_surrogates(replaced);
  return LayeredCheck(replaced).run();
}

}  // namespace sluice::client
