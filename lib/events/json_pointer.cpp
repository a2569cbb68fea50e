#include "lib/events/json_pointer.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "proto/json_text.hpp"
#include "proto/json_tokens.hpp"

namespace sluice::core {
namespace {

std::optional<std::string> unescape_token(std::string_view token) {
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      text += token[i];
      continue;
    }
    if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return std::nullopt;
    text += token[i] == '0' ? '~' : '/';
  }
  return text;
}

// An index has digits only, and no leading zero.
std::optional<std::string_view> element(std::string_view array, std::string_view token) {
  std::size_t index = 0;
  const auto read = std::from_chars(token.data(), token.data() + token.size(), index);
  if (read.ec != std::errc{} || read.ptr != token.data() + token.size()) return std::nullopt;
  if (token.size() > 1 && token.front() == '0') return std::nullopt;
  proto::JsonWalker walker(array);
  while (walker.next()) {
    if (index-- == 0) return walker.value();
  }
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && proto::is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && proto::is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<JsonPointer, JsonPointer::Invalid> JsonPointer::parse(std::string_view text) {
  JsonPointer pointer;
  if (!text.empty() && text.front() != '/') return Invalid{};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('/', 1), text.size());
    auto token = unescape_token(text.substr(1, end - 1));
    if (!token) return Invalid{};
    pointer.tokens_.push_back(std::move(*token));
    text.remove_prefix(end);
  }
  return pointer;
}

std::optional<std::string_view> JsonPointer::find(std::string_view json) const {
  std::optional<std::string_view> value = trimmed(json);
  for (const std::string& token : tokens_) {
    value = value->starts_with('[') ? element(*value, token) : proto::member(*value, token);
    if (!value) break;
  }
  return value;
}

std::string pointer_token(std::string_view name) {
  std::string token;
  for (const char c : name) {
    if (c == '~') {
      token += "~0";
    } else if (c == '/') {
      token += "~1";
    } else {
      token += c;
    }
  }
  return token;
}

}  // namespace sluice::core
