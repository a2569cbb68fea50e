// Escaping of text from a server for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace sluice::client {

// Makes text from a server safe to show: control characters but line feeds and tabs, and characters that
// steer or hide text, become \uNNNN, bytes that are not UTF-8 U+FFFD. JSON without raw control characters
// means the same afterwards.
std::string terminal_text(std::string_view text);

}  // namespace sluice::client
