#include "daemon/client/json_text.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

namespace sluice::client {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

void new_line(std::string& out, int depth) {
  out += '\n';
  out.append(static_cast<std::size_t>(2 * depth), ' ');
}

// Visits the values of a container, with their keys if it opens with a brace.
void visit_values(std::string_view container, const MemberVisitor& visit) {
  const bool keyed = container.front() == '{';
  const char* const end = container.data() + container.size();
  const char* at = skip_blank(container.data() + 1, end);
  while (at < end && *at != ']' && *at != '}') {
    std::string_view key;
    if (keyed) {
      const char* const key_end = skip_string(at, end);
      key = between(at, key_end);
      const char* const colon = skip_blank(key_end, end);
      at = skip_blank(colon < end ? colon + 1 : end, end);
    }
    const char* const value_end = skip_value(at, end);
    visit(key, trim_blank(between(at, value_end)));
    at = skip_blank(value_end, end);
    if (at < end && *at == ',')
      at = skip_blank(at + 1, end);
    else
      break;
  }
}

}  // namespace

const char* skip_blank(const char* at, const char* end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) ++at;
  return at;
}

const char* skip_string(const char* at, const char* end) {
  for (const char* from = at + 1; from < end;) {
    const auto* quote =
        static_cast<const char*>(std::memchr(from, '"', static_cast<std::size_t>(end - from)));
    if (quote == nullptr) return end;
    int backslashes = 0;
    while (quote - 1 - backslashes > at && quote[-1 - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return quote + 1;
    from = quote + 1;
  }
  return end;
}

const char* skip_value(const char* at, const char* end) {
  int depth = 0;
  while (at < end) {
    const char c = *at;
    if (c == '"') {
      at = skip_string(at, end);
      if (depth == 0) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    }
    if (c == ',' && depth == 0) return at;
    ++at;
  }
  return end;
}

std::string_view trim_blank(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string quote_json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string unquote_json(std::string_view string) {
  const auto value = nlohmann::ordered_json::parse(string, nullptr, /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : std::string(string);
}

std::string indent_json(std::string_view text) {
  std::string out;
  int depth = 0;
  const char* const end = text.data() + text.size();
  for (const char* at = skip_blank(text.data(), end); at < end; at = skip_blank(at, end)) {
    const char c = *at;
    if (c == '"') {
      const char* const string_end = skip_string(at, end);
      out.append(at, string_end);
      at = string_end;
      continue;
    }
    ++at;
    if (c == ']' || c == '}') new_line(out, --depth);
    out += c;
    if (c == ':') out += ' ';
    if (c == ',') new_line(out, depth);
    if (c != '[' && c != '{') continue;
    at = skip_blank(at, end);
    if (at < end && (*at == ']' || *at == '}')) {
      out += *at++;
    } else {
      new_line(out, ++depth);
    }
  }
  return out;
}

std::string compact_json(std::string_view text) {
  std::string out;
  const char* const end = text.data() + text.size();
  for (const char* at = skip_blank(text.data(), end); at < end; at = skip_blank(at, end)) {
    const char* const token_end = *at == '"' ? skip_string(at, end) : at + 1;
    out.append(at, token_end);
    at = token_end;
  }
  return out;
}

void visit_members(std::string_view object, const MemberVisitor& visit) {
  object = trim_blank(object);
  if (object.starts_with('{')) visit_values(object, visit);
}

void visit_elements(std::string_view array, const ElementVisitor& visit) {
  array = trim_blank(array);
  if (!array.starts_with('[')) return;
  visit_values(array, [&](std::string_view, std::string_view element) { visit(element); });
}

std::string_view find_member(std::string_view object, std::string_view name) {
  std::string_view found;
  visit_members(object, [&](std::string_view key, std::string_view value) {
    if (unquote_json(key) == name) found = value;
  });
  return found;
}

}  // namespace sluice::client
