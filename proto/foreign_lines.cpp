#include "proto/foreign_lines.hpp"

#include <algorithm>

namespace sluice::proto {
namespace {

using Protocol = ForeignProtocol;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool same(std::string_view text, std::string_view in_lower_case) {
  return std::ranges::equal(text, in_lower_case, [](char a, char b) { return lower(a) == b; });
}

bool begins(std::string_view text, std::string_view in_lower_case) {
  return text.size() >= in_lower_case.size() && same(text.substr(0, in_lower_case.size()), in_lower_case);
}

// Without CR and LF, which end a line.
std::string_view without_blanks(std::string_view line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  return line;
}

// A version of a protocol that is built like HTTP: "HTTP/1.1", "RTSP/1.0".
bool is_version(std::string_view word) {
  static constexpr std::array<std::string_view, 4> kNames = {"http", "rtsp", "sip", "icap"};
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view number = word.substr(slash + 1);
  const bool named =
      std::ranges::any_of(kNames, [&](auto name) { return same(word.substr(0, slash), name); });
  const bool numbered =
      (number.size() == 1 || (number.size() == 3 && number[1] == '.' && is_digit(number[2]))) &&
      is_digit(number[0]);
  return named && numbered;
}

// A request line ends with the version, a status line begins with it.
bool is_http_start(std::string_view head, std::string_view tail) {
  const std::size_t blank = tail.find_last_of(" \t");
  const std::string_view last = blank == std::string_view::npos ? tail : tail.substr(blank + 1);
  return is_version(last) || is_version(head.substr(0, head.find_first_of(" \t")));
}

// Names that programs and browsers send; others may stand before a colon in the output of any program.
bool is_http_header(std::string_view head) {
  static constexpr std::array<std::string_view, 30> kNames = {"accept",
                                                              "accept-charset",
                                                              "accept-encoding",
                                                              "accept-language",
                                                              "authorization",
                                                              "cache-control",
                                                              "connection",
                                                              "content-disposition",
                                                              "content-encoding",
                                                              "content-length",
                                                              "content-type",
                                                              "cookie",
                                                              "dnt",
                                                              "expect",
                                                              "forwarded",
                                                              "host",
                                                              "if-modified-since",
                                                              "if-none-match",
                                                              "origin",
                                                              "pragma",
                                                              "proxy-authorization",
                                                              "proxy-connection",
                                                              "range",
                                                              "referer",
                                                              "te",
                                                              "transfer-encoding",
                                                              "upgrade",
                                                              "upgrade-insecure-requests",
                                                              "user-agent",
                                                              "via"};
  const std::size_t colon = head.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = without_blanks(head.substr(0, colon));
  return std::ranges::any_of(kNames, [&](auto known) { return same(name, known); }) ||
         begins(name, "sec-fetch-") || begins(name, "sec-websocket-") || begins(name, "sec-ch-") ||
         begins(name, "x-forwarded-");
}

struct Command {
  std::string_view word;  // in upper case, as programs send it
  Protocol protocol;
  bool alone;  // with nothing behind it
};

Protocol command_in(std::string_view line) {
  static constexpr std::array<Command, 24> kCommands = {
      {{"EHLO", Protocol::smtp, false},     {"HELO", Protocol::smtp, false},
       {"LHLO", Protocol::smtp, false},     {"STARTTLS", Protocol::smtp, true},
       {"DATA", Protocol::smtp, true},      {"RSET", Protocol::smtp, true},
       {"NOOP", Protocol::smtp, true},      {"QUIT", Protocol::smtp, true},
       {"USER", Protocol::ftp, false},      {"PASS", Protocol::ftp, false},
       {"PORT", Protocol::ftp, false},      {"EPRT", Protocol::ftp, false},
       {"STOR", Protocol::ftp, false},      {"RETR", Protocol::ftp, false},
       {"PASV", Protocol::ftp, true},       {"PING", Protocol::redis, true},
       {"AUTH", Protocol::redis, false},    {"SELECT", Protocol::redis, false},
       {"SET", Protocol::redis, false},     {"EVAL", Protocol::redis, false},
       {"CONFIG", Protocol::redis, false},  {"REPLCONF", Protocol::redis, false},
       {"SLAVEOF", Protocol::redis, false}, {"REPLICAOF", Protocol::redis, false}}};
  if (begins(line, "mail from:") || begins(line, "rcpt to:")) return Protocol::smtp;
  const std::size_t blank = line.find_first_of(" \t");
  const std::string_view word = line.substr(0, blank);
  const bool alone = blank == std::string_view::npos;
  for (const Command& command : kCommands) {
    if (command.word == word && command.alone == alone) return command.protocol;
  }
  return Protocol::none;
}

// The head of an array or a string in Redis's protocol: "*3", "$11".
bool is_redis_length(std::string_view line) {
  return line.size() >= 2 && (line.front() == '*' || line.front() == '$') &&
         std::ranges::all_of(line.substr(1), is_digit);
}

bool is_proxy(std::string_view line) {
  return line.starts_with("PROXY TCP") || line.starts_with("PROXY UNKNOWN");
}

}  // namespace

std::string_view to_string(ForeignProtocol protocol) {
  static constexpr std::string_view kNames[] = {"none", "HTTP", "PROXY", "SMTP", "FTP", "Redis", "SSH"};
  return kNames[static_cast<std::size_t>(protocol)];
}

Protocol ForeignLines::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto is_end = [](char c) { return c == '\n' || c == '\r'; };
    const auto end = static_cast<std::size_t>(std::ranges::find_if(bytes, is_end) - bytes.begin());
    add(bytes.substr(0, end));
    if (end == bytes.size()) return Protocol::none;
    const Protocol found = end_line();
    if (found != Protocol::none) return found;
    bytes.remove_prefix(end + 1);
  }
  return Protocol::none;
}

void ForeignLines::add(std::string_view piece) {
  if (head_size_ == 0) {
    while (!piece.empty() && is_blank(piece.front())) piece.remove_prefix(1);
  }
  head_size_ += static_cast<std::uint8_t>(piece.copy(head_.data() + head_size_, kHeadBytes - head_size_));
  // Blanks at a line's end say nothing, however many there are; before anything else one is as good as
  // several.
  const std::size_t last = piece.find_last_not_of(" \t");
  const std::string_view text = piece.substr(0, last == std::string_view::npos ? 0 : last + 1);
  if (!text.empty()) {
    if (blank_due_) add_to_tail(" ");
    add_to_tail(text);
    blank_due_ = false;
  }
  blank_due_ = blank_due_ || text.size() < piece.size();
}

void ForeignLines::add_to_tail(std::string_view text) {
  if (text.size() >= kTailBytes) {
    text.copy(tail_.data(), kTailBytes, text.size() - kTailBytes);
    tail_size_ = kTailBytes;
    return;
  }
  const std::size_t kept = std::min<std::size_t>(tail_size_, kTailBytes - text.size());
  std::copy(tail_.data() + tail_size_ - kept, tail_.data() + tail_size_, tail_.data());
  text.copy(tail_.data() + kept, text.size());
  tail_size_ = static_cast<std::uint8_t>(kept + text.size());
}

Protocol ForeignLines::end_line() {
  const std::string_view head = without_blanks({head_.data(), head_size_});
  const std::string_view tail = without_blanks({tail_.data(), tail_size_});
  begin_line();
  if (head.empty()) return Protocol::none;
  if (is_proxy(head)) return Protocol::proxy;
  if (is_http_start(head, tail) || is_http_header(head)) return Protocol::http;
  if (is_redis_length(head)) return Protocol::redis;
  if (head.starts_with("SSH-")) return Protocol::ssh;
  return command_in(head);
}

}  // namespace sluice::proto
