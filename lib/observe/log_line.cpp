#include "lib/observe/log_line.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <iterator>

#include <fmt/format.h>

#include "lib/observe/printable.hpp"
#include "proto/json_text.hpp"

#ifdef __clang__
// The instance that log.hpp declares. Clang mangles its name in another way than GCC, with which libfmt was
// compiled.
template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view, fmt::format_args,
                                            fmt::detail::locale_ref);
#endif

namespace sluice::core {

namespace {

struct LevelText {
  std::string_view name;
  std::string_view padded;
  std::string_view priority;  // syslog's, at the front of a line for journald
};

const LevelText& level_of(spdlog::level::level_enum level) {
  static constexpr std::array<LevelText, 7> kLevels = {{{"trace", "trace", "<7>"},
                                                        {"debug", "debug", "<7>"},
                                                        {"info", "info ", "<6>"},
                                                        {"warn", "warn ", "<4>"},
                                                        {"error", "error", "<3>"},
                                                        {"error", "error", "<2>"},
                                                        {"info", "info ", "<6>"}}};
  return kLevels[static_cast<std::size_t>(level) % kLevels.size()];
}

// 2026-01-01T00:00:00.000Z
void append_time(std::string& out, spdlog::log_clock::time_point when) {
  using std::chrono::milliseconds;
  constexpr std::int64_t kMillisPerSecond = 1000;
  const auto since_epoch = std::chrono::duration_cast<milliseconds>(when.time_since_epoch()).count();
  const auto whole = static_cast<std::time_t>(since_epoch / kMillisPerSecond);
  std::tm utc{};
  ::gmtime_r(&whole, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                 since_epoch % kMillisPerSecond);
}

std::string_view cut_value(const LogField& field) {
  if (field.value.size() <= field.bytes_max) return field.value;
  std::size_t size = field.bytes_max;
  while (size > 0 && is_continuation(field.value[size])) --size;
  return field.value.substr(0, size);
}

// Whether the value needs no quotes where spaces separate values.
bool is_plain(std::string_view value) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '=' && c != '"'; };
  return !value.empty() && std::ranges::all_of(value, plain);
}

std::string with_fields(std::string_view message, std::span<const LogField> fields) {
  std::string out(message);
  for (const LogField& field : fields) {
    const std::string_view value = cut_value(field);
    const bool as_it_is = (field.json && value.size() == field.value.size()) || is_plain(value);
    out.append(" ").append(field.name).append("=");
    as_it_is ? static_cast<void>(out.append(value)) : proto::append_quoted(out, value);
    if (value.size() < field.value.size()) out.append(kCutMark);
  }
  return out;
}

// As a JSON string.
void append_string(std::string& out, std::string_view text) {
  std::string quoted;
  proto::append_quoted(quoted, text);
  append_harmless_json(out, quoted);
}

// A value that was cut is not valid JSON any more, but still text.
void append_members(std::string& out, std::span<const LogField> fields) {
  for (const LogField& field : fields) {
    const bool whole = field.value.size() <= field.bytes_max;
    out.append(",\"").append(field.name).append("\":");
    if (field.json && whole) {
      append_harmless_json(out, field.value);
    } else {
      append_string(out, whole ? field.value : std::string(cut_value(field)).append(kCutMark));
    }
  }
}

// An escaped character may take twelve bytes. So a long message is cut until its line fits.
void append_json(std::string& out, const LevelText& level, spdlog::log_clock::time_point time,
                 std::string_view text) {
  out.append(R"({"time":")");
  append_time(out, time);
  out.append(R"(","level":")").append(level.name).append(R"(","message":)");
  const std::size_t head = out.size();
  for (bool cut = false;; cut = true) {
    append_string(out, cut ? std::string(text).append(kCutMark) : std::string(text));
    if (out.size() + 2 <= kLineBytesMax) break;
    out.resize(head);
    std::size_t half = text.size() / 2;
    while (half > 0 && is_continuation(text[half])) --half;
    text = text.substr(0, half);
  }
}

void append_text(std::string& out, bool journal, const LevelText& level, spdlog::log_clock::time_point time,
                 std::string_view text) {
  if (!journal) {
    append_time(out, time);
    out.append(" ").append(level.padded).append(" ");
  }
  if (!append_harmless(out, text, kLineBytesMax - kCutMark.size() - 1)) out.append(kCutMark);
}

}  // namespace

std::string log_line(LineStyle style, spdlog::level::level_enum level, spdlog::log_clock::time_point time,
                     std::string_view text, std::span<const LogField> fields) {
  const LevelText& named = level_of(level);
  std::string out;
  if (style.journal) out += named.priority;
  if (style.format == LogFormat::json) {
    append_json(out, named, time, text);
    append_members(out, fields);
    out.push_back('}');
  } else {
    append_text(out, style.journal, named, time,
                fields.empty() ? std::string(text) : with_fields(text, fields));
  }
  out.push_back('\n');
  return out;
}

}  // namespace sluice::core
