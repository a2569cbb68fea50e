// HTTP token: names of methods, headers and subprotocols (RFC 9110, section 5.6.2).
#pragma once

#include <string_view>

namespace sluice::core {

inline bool is_token_character(char c) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace sluice::core
