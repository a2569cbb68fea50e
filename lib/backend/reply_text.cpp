#include "lib/backend/reply_text.hpp"

#include <algorithm>
#include <cstddef>

namespace sluice::core {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7F'; }

// Bytes of the control character or the control sequence at the front of `text`; 0 for anything else.
std::size_t control_size(std::string_view text) {
  if (text.empty() || !is_control(text.front())) return 0;
  if (!text.starts_with("\x1B[")) return 1;
  const auto is_final = [](char c) { return c >= '@' && c <= '~'; };
  const auto end = std::find_if(text.begin() + 2, text.end(), is_final);
  return end == text.end() ? 2 : static_cast<std::size_t>(end - text.begin()) + 1;
}

}  // namespace

std::string_view without_control_codes(std::string_view text) {
  while (const std::size_t size = control_size(text)) text.remove_prefix(size);
  return text;
}

}  // namespace sluice::core
