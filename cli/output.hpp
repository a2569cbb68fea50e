// Output on stdout and stderr, safe for a terminal.
#pragma once

#include <string_view>

namespace sluice::client {

// Text for a terminal, and every error, is written with escapes instead of the characters
// that control a terminal: much of the text comes from servers.

// Writes one JSON value to stdout: indented on a terminal, else its own text in one line. finish_output()
// checks once for errors of all writes.
void print_json(std::string_view text);

// The same, indented also when stdout is not a terminal.
void print_json_indented(std::string_view text);

void print_line(std::string_view text);

// Writes one line to stdout at once. False: nothing more can be written there.
bool print_now(std::string_view text);

// One line on stderr, with the program's name in front.
void print_error(std::string_view message);

// Flushes stdout. False: something could not be written, and stderr says so (unless
// the reader just stopped reading, as `head` does).
bool finish_output();

}  // namespace sluice::client
