// The kinds of values that a configuration may hold, and how each is read.
// Pure: no file, no TOML, no position; a value that does not fit gives an empty optional.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/base/text_form.hpp"
#include "lib/server/settings.hpp"

namespace sluice::daemon {

// A value as it stands in the file. Views live as long as the document they came from.
struct ConfigValue {
  struct Other {
    std::string_view what;  // "an array", "a table", "a date"
  };
  using Texts = std::vector<std::string_view>;  // an array of nothing but strings
  std::variant<bool, std::int64_t, double, std::string_view, Texts, Other> content;
};

// The value as an error message shows it: harmless, and short.
std::string shown(const ConfigValue& value);

// A kind of value: how it is read, and in words what is allowed. `show` writes one as it would stand in the
// file, where that helps; empty for what can't stand there.
template <typename T>
struct ValueKind {
  std::string allowed;  // completes "it takes ..." in error messages
  std::function<std::optional<T>(const ConfigValue&)> read;
  std::function<std::string(const T&)> show{};
};

ValueKind<std::size_t> count_between(std::size_t least, std::size_t most);

// "4MiB", or a bare integer of bytes.
ValueKind<std::size_t> size_between(std::size_t least, std::size_t most);

// "250ms". Settings are whole milliseconds: what is finer is rounded up, so that nothing short becomes 0.
ValueKind<core::milliseconds> duration_between(core::milliseconds least, core::milliseconds most);

ValueKind<bool> flag();

// Permissions of a file as chmod writes them, "0660".
ValueKind<std::uint32_t> file_mode();

// A text that is not empty and has no zero byte.
ValueKind<std::string> file_name();

ValueKind<std::string> listen_address();

// Like a listener's, but TCP only; "" stands for none.
ValueKind<std::string> admin_address();

// A text of that form, and an array of them.
ValueKind<std::string> text_of(const core::TextForm& form);
ValueKind<std::vector<std::string>> texts_of(const core::TextForm& form,
                                             std::size_t count_max = std::numeric_limits<std::size_t>::max());

// Origins of web pages, as browsers send them; "*" for any.
ValueKind<std::vector<std::string>> origins();
// Names or addresses of hosts, with or without a port.
ValueKind<std::vector<std::string>> host_names();
// The path of an HTTP request.
ValueKind<std::string> http_path();
ValueKind<std::string> health_path();
ValueKind<std::vector<std::string>> header_names();
ValueKind<std::vector<std::string>> subprotocols();
// A client's name: visible ASCII, without characters that need quotes in a log line.
ValueKind<std::string> client_name();
// 64 hexadecimal digits.
ValueKind<std::string> sha256();
// A name that this machine knows, which is looked up at once, or the number itself.
ValueKind<std::uint32_t> user_id();
ValueKind<std::uint32_t> group_id();
// A certificate's subject, as text.
ValueKind<std::string> subject();
ValueKind<std::vector<std::string>> method_patterns();
ValueKind<std::vector<std::string>> topic_patterns();
// Whole or not.
ValueKind<double> number_between(double least, double most);

// CPUs by their numbers, "0-3,8".
ValueKind<std::vector<std::size_t>> cpu_list();

// One of some words, each standing for a value.
template <typename T>
ValueKind<T> one_of(std::vector<std::pair<std::string_view, T>> words) {
  ValueKind<T> kind;
  for (const auto& [word, value] : words) {
    kind.allowed += (kind.allowed.empty() ? "one of \"" : ", \"") + std::string(word) + "\"";
  }
  kind.show = [words](const T& shown) {
    for (const auto& [word, value] : words) {
      if (value == shown) return std::string("\"").append(word).append("\"");
    }
    return std::string();
  };
  kind.read = [words = std::move(words)](const ConfigValue& given) -> std::optional<T> {
    const auto* text = std::get_if<std::string_view>(&given.content);
    if (!text) return std::nullopt;
    for (const auto& [word, value] : words) {
      if (word == *text) return value;
    }
    return std::nullopt;
  };
  return kind;
}

// The texts themselves, also for messages.
std::optional<std::size_t> parse_size(std::string_view text);
std::optional<core::milliseconds> parse_duration(std::string_view text);
std::string format_size(std::size_t bytes);
std::string format_duration(core::milliseconds duration);

}  // namespace sluice::daemon
