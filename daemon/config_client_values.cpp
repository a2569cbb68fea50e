// The kinds of values that [[client]] entries hold.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "daemon/config_values.hpp"
#include "lib/access/method_patterns.hpp"
#include "lib/access/token.hpp"

namespace sluice::daemon {

namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kSubjectBytesMax = 1024;
constexpr std::size_t kPatternsMax = 1000;
constexpr std::size_t kEntryBytesMax = 1u << 20;  // of what a user database says about one name

const std::string_view* text_of(const ConfigValue& value) {
  return std::get_if<std::string_view>(&value.content);
}

ValueKind<std::string> text_that(std::string allowed, bool (*fits)(std::string_view)) {
  return {std::move(allowed), [fits](const ConfigValue& value) -> std::optional<std::string> {
            const auto* text = text_of(value);
            if (!text || !fits(*text)) return std::nullopt;
            return std::string(*text);
          }};
}

// getpwnam_r() and getgrnam_r() are the same but for their types.
template <typename Entry, typename Id>
std::optional<std::uint32_t> look_up(const std::string& name,
                                     int (*ask)(const char*, Entry*, char*, std::size_t, Entry**),
                                     Id Entry::*id) {
  Entry entry{};
  Entry* found = nullptr;
  std::string buffer(1024, '\0');
  while (ask(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE) {
    if (buffer.size() >= kEntryBytesMax) return std::nullopt;
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) return std::nullopt;
  return entry.*id;
}

// `look_up_name`: a name's number, if there is one.
ValueKind<std::uint32_t> id_of(std::string what,
                               std::optional<std::uint32_t> (*look_up_name)(const std::string&)) {
  // The highest one stands for none at all.
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max() - 1;
  return {fmt::format("the name of a {0} that this machine knows, or the {0}'s number", what),
          [look_up_name](const ConfigValue& value) -> std::optional<std::uint32_t> {
            const auto* number = std::get_if<std::int64_t>(&value.content);
            if (number && *number >= 0 && *number <= kMost) return static_cast<std::uint32_t>(*number);
            const auto* name = text_of(value);
            if (!name || name->empty() || name->find('\0') != std::string_view::npos) return std::nullopt;
            return look_up_name(std::string(*name));
          }};
}

}  // namespace

ValueKind<std::string> client_name() {
  return text_that(fmt::format("1 to {} visible ASCII characters other than \", = and \\", kNameBytesMax),
                   [](std::string_view text) {
                     const auto fits = [](char c) {
                       return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
                     };
                     return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, fits);
                   });
}

ValueKind<std::string> sha256() {
  return text_that("the SHA-256 of a token as 64 hexadecimal digits, which `sluice token` prints",
                   [](std::string_view text) { return core::parse_digest(text).has_value(); });
}

ValueKind<std::uint32_t> user_id() {
  return id_of("user", [](const std::string& name) { return look_up(name, ::getpwnam_r, &passwd::pw_uid); });
}

ValueKind<std::uint32_t> group_id() {
  return id_of("group", [](const std::string& name) { return look_up(name, ::getgrnam_r, &group::gr_gid); });
}

ValueKind<std::string> subject() {
  return text_that(
      fmt::format("a certificate's subject such as \"CN=deploy\", of at most {} bytes", kSubjectBytesMax),
      [](std::string_view text) { return !text.empty() && text.size() <= kSubjectBytesMax; });
}

ValueKind<std::vector<std::string>> method_patterns() {
  return {fmt::format("an array of at most {} names of methods, prefixes such as \"calc.*\", \"*\", or any "
                      "of them behind a ! for what is excluded",
                      kPatternsMax),
          [](const ConfigValue& value) -> std::optional<std::vector<std::string>> {
            // An array without elements is one of nothing but strings.
            const auto* texts = std::get_if<ConfigValue::Texts>(&value.content);
            if (!texts || texts->size() > kPatternsMax) return std::nullopt;
            if (!std::ranges::all_of(*texts, core::MethodPatterns::is_pattern)) return std::nullopt;
            return std::vector<std::string>(texts->begin(), texts->end());
          }};
}

ValueKind<double> number_between(double least, double most) {
  return {fmt::format("a number from {} to {}", least, most),
          [least, most](const ConfigValue& value) -> std::optional<double> {
            const auto* whole = std::get_if<std::int64_t>(&value.content);
            const auto* any = std::get_if<double>(&value.content);
            if (!whole && !any) return std::nullopt;
            const double number = whole ? static_cast<double>(*whole) : *any;
            // Said so that what is no number at all is not in between.
            return number >= least && number <= most ? std::optional(number) : std::nullopt;
          }};
}

}  // namespace sluice::daemon
