#include "cli/output.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/json_text.hpp"
#include "cli/terminal_text.hpp"

namespace sluice::client {

namespace {

bool reader_gone = false;  // stdout was a pipe that its reader has closed

}  // namespace

void print_line(std::string_view text) {
  const bool shown = isatty(STDOUT_FILENO) != 0;
  const std::string safe = shown ? terminal_text(text) : std::string();
  const std::string_view line = shown ? std::string_view(safe) : text;
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

bool print_now(std::string_view text) {
  print_line(text);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
  reader_gone = errno == EPIPE;
  return false;
}

void print_json_indented(std::string_view text) { print_line(indent_json(text)); }

void print_json(std::string_view text) {
  if (isatty(STDOUT_FILENO) != 0) return print_json_indented(text);
  const bool one_line = text.find_first_of("\r\n") == std::string_view::npos;
  print_line(one_line ? std::string(text) : compact_json(text));
}

void print_error(std::string_view message) {
  std::fflush(stdout);  // keeps the two in order where they share a terminal
  std::fprintf(stderr, "sluice: %s\n", terminal_text(message).c_str());
}

bool finish_output() {
  errno = 0;
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!written && errno != EPIPE && !reader_gone)
    print_error(std::string("cannot write to stdout: ") + std::strerror(errno));
  return written;
}

}  // namespace sluice::client
