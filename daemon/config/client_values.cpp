// The kinds of values that [[client]] entries hold.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "daemon/config/values.hpp"
#include "lib/access/client_rules.hpp"
#include "lib/base/user_namespace.hpp"

namespace sluice::daemon {

namespace {

constexpr std::size_t kEntryBytesMax = 1u << 20;  // of what a user database says about one name

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

// `look_up_name`: a name's number, if there is one. `is_overflow`: whether the number belongs to no
// particular user.
ValueKind<std::uint32_t> id_of(std::string what,
                               std::optional<std::uint32_t> (*look_up_name)(const std::string&),
                               bool (*is_overflow)(std::uint32_t)) {
  // The highest one stands for none at all.
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max() - 1;
  const auto find = [look_up_name](const ConfigValue& value) -> std::optional<std::uint32_t> {
    const auto* number = std::get_if<std::int64_t>(&value.content);
    if (number && *number >= 0 && *number <= kMost) return static_cast<std::uint32_t>(*number);
    const auto* name = std::get_if<std::string_view>(&value.content);
    if (!name || name->empty() || name->find('\0') != std::string_view::npos) return std::nullopt;
    return look_up_name(std::string(*name));
  };
  return {
      fmt::format("the name of a {0} that this machine knows, or the {0}'s number; in a user namespace an id "
                  "that is mapped there",
                  what),
      [find, is_overflow](const ConfigValue& value) -> std::optional<std::uint32_t> {
        const auto id = find(value);
        return id && !is_overflow(*id) ? id : std::nullopt;
      }};
}

}  // namespace

ValueKind<std::string> client_name() { return text_of(core::client_name_form()); }
ValueKind<std::string> sha256() { return text_of(core::token_digest_form()); }
ValueKind<std::string> subject() { return text_of(core::subject_form()); }
ValueKind<std::vector<std::string>> method_patterns() {
  return texts_of(core::method_pattern_form(), core::kPatternsMax);
}

ValueKind<std::vector<std::string>> topic_patterns() {
  return texts_of(core::topic_pattern_form(), core::kPatternsMax);
}

ValueKind<std::uint32_t> user_id() {
  return id_of(
      "user", [](const std::string& name) { return look_up(name, ::getpwnam_r, &passwd::pw_uid); },
      [](std::uint32_t id) { return core::OverflowIds::own().is_overflow_user(id); });
}

ValueKind<std::uint32_t> group_id() {
  return id_of(
      "group", [](const std::string& name) { return look_up(name, ::getgrnam_r, &group::gr_gid); },
      [](std::uint32_t id) { return core::OverflowIds::own().is_overflow_group(id); });
}

ValueKind<double> number_between(double least, double most) {
  return {fmt::format("a number from {} to {}", least, most),
          [least, most](const ConfigValue& value) -> std::optional<double> {
            const auto* whole = std::get_if<std::int64_t>(&value.content);
            const auto* any = std::get_if<double>(&value.content);
            if (!whole && !any) return std::nullopt;
            const double number = whole ? static_cast<double>(*whole) : *any;
            // Said so that a text without a number is not in between.
            return number >= least && number <= most ? std::optional(number) : std::nullopt;
          }};
}

}  // namespace sluice::daemon
