#include "cli/params.hpp"

#include <istream>
#include <iterator>
#include <set>

#include "cli/json_check.hpp"
#include "cli/json_text.hpp"

namespace sluice::client {
namespace {

// `text` as a JSON string. Servers echo it as it was written: control characters all alike, and the rest as
// the user typed it, which proto::quoted() does not keep to.
std::string quote_json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out.append("\\u00") += kHex[byte >> 4u];
      out += kHex[byte & 0xFu];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

bool begins_json(std::string_view word) {
  const std::string_view text = trim_blank(word);
  return text.starts_with('{') || text.starts_with('[');
}

bool is_pair(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals != std::string_view::npos && equals != 0 && !begins_json(word) && !is_json(trim_blank(word));
}

std::string value_of(std::string_view word) {
  const std::string_view value = trim_blank(word);
  return is_json(value) ? std::string(value) : quote_json(word);
}

Result<std::string> params_from_pairs(std::span<const std::string> words) {
  std::string params;
  std::set<std::string_view> keys;
  for (const std::string& word : words) {
    if (!is_pair(word))
      return usage_error("params: '" + word + "' is not a key=value pair, but other params are");
    const std::size_t equals = word.find('=');
    const std::string_view key = std::string_view(word).substr(0, equals);
    if (!keys.insert(key).second) return usage_error("params: '" + std::string(key) + "' is given twice");
    params += params.empty() ? '{' : ',';
    params += quote_json(key) + ':' + value_of(std::string_view(word).substr(equals + 1));
  }
  return params += '}';
}

Result<std::string> params_from_values(std::span<const std::string> words) {
  std::string params;
  for (const std::string& word : words) {
    if (word == "-") return usage_error("params: '-' reads all of them from stdin, and stands alone");
    if (word.starts_with('=')) return usage_error("params: '" + word + "' has no key");
    if (is_pair(word))
      return usage_error("params: '" + word + "' is a key=value pair, which the others are not");
    if (begins_json(word) && !is_json(word)) return usage_error("params: '" + word + "' is not valid JSON");
    params += params.empty() ? '[' : ',';
    params += value_of(word);
  }
  return params += ']';
}

}  // namespace

Result<std::string> check_params(std::string_view text) {
  const std::string_view params = trim_blank(text);
  if (const auto offset = json_error_offset(params)) {
    const bool early_end = *offset == params.size();
    return usage_error("params are not valid JSON: " + (early_end ? std::string("they end too early")
                                                                  : "at byte " + std::to_string(*offset)));
  }
  if (!params.starts_with('{') && !params.starts_with('[')) {
    return usage_error("params must be a JSON array or object");
  }
  return std::string(params);
}

Result<std::string> params_from_words(std::span<const std::string> words, std::istream& input) {
  if (words.empty()) return std::string();
  const std::string& first = words.front();
  if (first == "-" && words.size() == 1) {
    return check_params(std::string(std::istreambuf_iterator<char>(input), {}));
  }
  if (!begins_json(first)) return is_pair(first) ? params_from_pairs(words) : params_from_values(words);
  if (words.size() > 1)
    return usage_error("params: '" + words[1] + "' follows the JSON text; quote it as one word");
  return check_params(first);
}

}  // namespace sluice::client
