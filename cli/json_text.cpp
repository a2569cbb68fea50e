#include "cli/json_text.hpp"

#include <algorithm>

#include "proto/json_text.hpp"
#include "proto/json_tokens.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::client {
namespace {

void new_line(std::string& out, std::size_t depth) { out.append("\n").append(2 * depth, ' '); }

}  // namespace

std::size_t skip_blank(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kBlank, at), text.size());
}

std::string_view trim_blank(std::string_view text) {
  text.remove_prefix(skip_blank(text, 0));
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

std::string unquote_json(std::string_view string) {
  // It refuses lone surrogates, which no text in UTF-8 can hold.
  proto::MessageScanner scanner;
  const bool has_text = scanner.scan(string) == proto::MessageScanner::Status::complete;
  return (has_text ? proto::as_string(string) : std::nullopt).value_or(std::string(string));
}

std::string indent_json(std::string_view text) {
  std::string out;
  std::size_t depth = 0;
  for (std::size_t at = skip_blank(text, 0); at < text.size(); at = skip_blank(text, at)) {
    const char c = text[at];
    if (c == '"') {
      const std::size_t size = proto::string_size(text.substr(at));
      out.append(text, at, size);
      at += size;
      continue;
    }
    ++at;
    if (c == ']' || c == '}') new_line(out, --depth);
    out += c;
    if (c == ':') out += ' ';
    if (c == ',') new_line(out, depth);
    if (c != '[' && c != '{') continue;
    at = skip_blank(text, at);
    if (at < text.size() && (text[at] == ']' || text[at] == '}')) {
      out += text[at++];
    } else {
      new_line(out, ++depth);
    }
  }
  return out;
}

std::string compact_json(std::string_view text) {
  std::string out;
  proto::append_compact(out, text);
  return out;
}

}  // namespace sluice::client
