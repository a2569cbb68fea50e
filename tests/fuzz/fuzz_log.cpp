// Whatever a line says, it is one line of UTF-8 in which nothing acts on a terminal, and in JSON one object
// that means what was said.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lib/observe/log_line.hpp"

namespace {

using sluice::core::LogField;
using sluice::core::LogFormat;

void expect(bool holds) {
  if (!holds) std::abort();
}

// A separate strict decoder; aborts at invalid UTF-8.
char32_t next_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  expect(first < 0x80 || (first >= 0xC2 && first <= 0xF4));
  expect(size <= text.size());
  char32_t code = size == 1 ? first : first & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    expect((byte & 0xC0u) == 0x80u);
    code = code * 64 + (byte & 0x3Fu);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  expect(code >= kLeast.at(size) && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF));
  text.remove_prefix(size);
  return code;
}

bool harmless(char32_t code) {
  const auto within = [code](char32_t first, char32_t last) { return first <= code && code <= last; };
  return !within(0, 0x1F) && !within(0x7F, 0x9F) && !within(0x200B, 0x200F) && !within(0x2028, 0x202E) &&
         !within(0x2060, 0x206F) && code != 0xAD && code != 0x61C && code != 0xFEFF &&
         !within(0xE0000, 0xE007F);
}

void check_line(std::string_view line) {
  expect(line.ends_with('\n'));
  line.remove_suffix(1);
  while (!line.empty()) expect(harmless(next_character(line)));
}

// A client's id may be any text that the scanner has accepted.
std::string as_json(std::string_view text) {
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view text = all.substr(0, size / 2);
  const std::string_view value = all.substr(size / 2);
  const std::string json = as_json(value);
  const std::array<LogField, 3> fields = {
      {{"method", value}, {"id", json, true, 4096}, {"raw", value, true}}};
  const auto line_as = [&](LogFormat format, std::size_t count) {
    return sluice::core::log_line({format, false}, spdlog::level::info, {}, text,
                                  std::span(fields).first(count));
  };
  check_line(line_as(LogFormat::text, 3));
  check_line(line_as(LogFormat::json, 3));
  const auto read = nlohmann::json::parse(line_as(LogFormat::json, 2), nullptr, false);
  expect(read.is_object());
  if (json.size() <= 4096) expect(read["id"] == nlohmann::json::parse(json));
  return 0;
}
