#pragma once

#include <string_view>

namespace sluice::client {

// What goes to a terminal, and errors wherever they go, is shown with escapes in place of
// characters that steer a terminal: servers have written much of it.

// Writes one JSON value to stdout: indented on a terminal, else its own text in one
// line. Whether stdout took it is asked once, by finish_output().
void print_json(std::string_view text);

// The same, indented also when stdout is no terminal.
void print_json_indented(std::string_view text);

void print_line(std::string_view text);

// One line on stderr, with the program's name in front.
void print_error(std::string_view message);

// Flushes stdout. False: something could not be written, and stderr says so (unless
// the reader just stopped reading, as `head` does).
bool finish_output();

}  // namespace sluice::client
