#include "proto/json_text.hpp"

#include <cstdint>
#include <cstring>

#include "proto/json_tokens.hpp"
#include "proto/one_line.hpp"

namespace sluice::proto {
namespace {

std::string_view trim_left(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

// Bytes of the value at the front of `text`, which is valid JSON, so that counting brackets is enough.
std::size_t value_size(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() == '"') return string_size(text);
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      i += string_size(text.substr(i)) - 1;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      if (--depth == 0) return i + 1;
    } else if (depth == 0 && (c == ',' || is_space(c))) {
      return i;
    }
  }
  return text.size();
}

std::uint32_t hex4(std::string_view digits) {
  std::uint32_t value = 0;
  for (char c : digits) {
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  return value;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// The code point of the escape at raw[at] == 'u'; leaves `at` on its last digit.
std::uint32_t unicode_escape(std::string_view raw, std::size_t& at) {
  std::uint32_t code = hex4(raw.substr(at + 1, 4));
  at += 4;
  if (code >= 0xD800 && code <= 0xDBFF && at + 6 < raw.size()) {
    const std::uint32_t low = hex4(raw.substr(at + 3, 4));
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    at += 6;
  }
  return code;
}

// Bytes of the well-formed UTF-8 sequence at the front of `text`, or 0.
std::size_t utf8_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t size = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (size == 1) return 1;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : size;
}

}  // namespace

std::string unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      out += raw[i];
      continue;
    }
    switch (raw[++i]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u':
        append_utf8(out, unicode_escape(raw, i));
        break;
      default:
        out += raw[i];
    }
  }
  return out;
}

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i++];
    } else if (byte == '\n') {
      out += "\\n";
      ++i;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
      ++i;
    } else if (const std::size_t size = utf8_size(text.substr(i)); size != 0) {
      const std::string_view character = text.substr(i, size);
      if (size == 1) {
        out += text[i];
      } else {
        append_one_line_inside(out, character);
      }
      i += size;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  out += '"';
}

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

void append_compact(std::string& out, std::string_view json) {
  for (std::size_t i = 0; i < json.size();) {
    const std::size_t size = json[i] == '"' ? string_size(json.substr(i)) : 1;
    if (!is_space(json[i])) out.append(json, i, size);
    i += size;
  }
}

JsonWalker::JsonWalker(std::string_view container) : rest_(trim_left(container)) {
  object_ = !rest_.empty() && rest_.front() == '{';
  const bool array = !rest_.empty() && rest_.front() == '[';
  rest_ = object_ || array ? rest_.substr(1) : std::string_view{};
}

bool JsonWalker::next() {
  rest_ = trim_left(rest_);
  if (!rest_.empty() && rest_.front() == ',') rest_ = trim_left(rest_.substr(1));
  if (rest_.empty() || rest_.front() == '}' || rest_.front() == ']') return false;
  if (object_) {
    const std::size_t size = string_size(rest_);
    key_ = rest_.substr(1, size - 2);
    if (key_.find('\\') != std::string_view::npos) key_ = unescaped_key_ = unescape(key_);
    rest_ = trim_left(rest_.substr(size));
    rest_ = trim_left(rest_.substr(1));
  }
  value_ = rest_.substr(0, value_size(rest_));
  rest_.remove_prefix(value_.size());
  return true;
}

std::optional<std::string_view> member(std::string_view object, std::string_view name) {
  std::optional<std::string_view> found;
  if (trim_left(object).starts_with('{')) {
    for (JsonWalker walker(object); walker.next();) {
      if (walker.key() == name) found = walker.value();
    }
  }
  return found;
}

std::optional<std::string> as_string(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return std::nullopt;
  return unescape(value.substr(1, value.size() - 2));
}

}  // namespace sluice::proto
