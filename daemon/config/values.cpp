#include "daemon/config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <type_traits>

#include "daemon/config/address.hpp"
#include "lib/observe/log.hpp"
#include "lib/transport/listen/listener_rules.hpp"
#include "proto/limits.hpp"

namespace sluice::daemon {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 4> kSizeUnits = {
    {{"B", 1}, {"KiB", proto::kKiB}, {"MiB", proto::kMiB}, {"GiB", 1024 * proto::kMiB}}};

// In microseconds, the finest unit.
constexpr std::uint64_t kMicrosPerMilli = 1000;
constexpr std::array<Unit, 5> kTimeUnits = {{{"us", 1},
                                             {"ms", kMicrosPerMilli},
                                             {"s", 1000 * kMicrosPerMilli},
                                             {"m", 60 * 1000 * kMicrosPerMilli},
                                             {"h", 60 * 60 * 1000 * kMicrosPerMilli}}};

// Digits, then one of the units, with nothing before, between or after; counted in the unit of factor 1.
template <std::size_t N>
std::optional<std::uint64_t> parse_quantity(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit_name(end, static_cast<std::size_t>(last - end));
  for (const Unit& unit : units) {
    if (unit.name != unit_name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

// In the largest unit that leaves no rest.
template <std::size_t N>
std::string format_quantity(std::uint64_t value, const std::array<Unit, N>& units) {
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
    if (value != 0 && value % unit->factor == 0) return fmt::format("{}{}", value / unit->factor, unit->name);
  }
  return fmt::format("{}{}", value, units.front().name);
}

template <typename T>
std::optional<T> within(std::optional<T> value, T least, T most) {
  return value && least <= *value && *value <= most ? value : std::nullopt;
}

template <typename T>
std::function<std::string(const T&)> shown_within(T least, T most,
                                                  std::type_identity_t<std::string (*)(T)> show) {
  return [=](const T& value) { return least <= value && value <= most ? show(value) : std::string(); };
}

std::optional<std::size_t> as_count(const ConfigValue& value) {
  const auto* number = std::get_if<std::int64_t>(&value.content);
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::size_t>(*number);
}

std::optional<std::string_view> as_text(const ConfigValue& value) {
  const auto* text = std::get_if<std::string_view>(&value.content);
  return text ? std::optional(*text) : std::nullopt;
}

// A URL's user and password are not shown: the former may be the latter.
std::string quoted_for_people(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::size_t host = text.rfind('@');
  const bool has_user = scheme != std::string_view::npos && host != std::string_view::npos && host > scheme;
  if (!has_user) return fmt::format("\"{}\"", core::printable(text));
  return fmt::format("\"{}...{}\"", core::printable(text.substr(0, scheme + 3)),
                     core::printable(text.substr(host)));
}

constexpr std::string_view kTcpForm =
    "tcp://HOST:PORT (an IPv6 address in brackets, port 0 for any free one)";

}  // namespace

std::string shown(const ConfigValue& value) {
  struct Shower {
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(double number) const { return fmt::format("{:#}", number); }
    std::string operator()(std::string_view text) const { return quoted_for_people(text); }
    std::string operator()(const ConfigValue::Texts&) const { return "an array of strings"; }
    std::string operator()(ConfigValue::Other other) const { return std::string(other.what); }
  };
  return std::visit(Shower{}, value.content);
}

std::optional<std::size_t> parse_size(std::string_view text) { return parse_quantity(text, kSizeUnits); }

std::optional<core::milliseconds> parse_duration(std::string_view text) {
  const auto micros = parse_quantity(text, kTimeUnits);
  if (!micros) return std::nullopt;
  const std::uint64_t millis = *micros / kMicrosPerMilli + (*micros % kMicrosPerMilli != 0 ? 1 : 0);
  return core::milliseconds(millis);  // fits: 2^64 us are fewer than 2^63 ms
}

std::string format_size(std::size_t bytes) { return format_quantity(bytes, kSizeUnits); }

std::string format_duration(core::milliseconds duration) {
  const auto millis = static_cast<std::uint64_t>(duration.count());
  return millis == 0 ? "0ms" : format_quantity(millis * kMicrosPerMilli, kTimeUnits);
}

ValueKind<std::size_t> count_between(std::size_t least, std::size_t most) {
  return {fmt::format("a whole number from {} to {}", least, most),
          [least, most](const ConfigValue& value) { return within(as_count(value), least, most); },
          shown_within(least, most, [](std::size_t count) { return fmt::format("{}", count); })};
}

ValueKind<std::size_t> size_between(std::size_t least, std::size_t most) {
  return {
      fmt::format("a size such as \"4MiB\" (B, KiB, MiB, GiB; a bare integer is bytes) from {} to {}",
                  format_size(least), format_size(most)),
      [least, most](const ConfigValue& value) {
        const auto text = as_text(value);
        return within(text ? parse_size(*text) : as_count(value), least, most);
      },
      shown_within(least, most, [](std::size_t size) { return fmt::format("\"{}\"", format_size(size)); })};
}

ValueKind<core::milliseconds> duration_between(core::milliseconds least, core::milliseconds most) {
  return {fmt::format("a duration such as \"250ms\" (us, ms, s, m, h) from {} to {}", format_duration(least),
                      format_duration(most)),
          [least, most](const ConfigValue& value) {
            const auto text = as_text(value);
            return within(text ? parse_duration(*text) : std::nullopt, least, most);
          },
          shown_within(least, most, [](core::milliseconds duration) {
            return fmt::format("\"{}\"", format_duration(duration));
          })};
}

ValueKind<bool> flag() {
  return {"true or false",
          [](const ConfigValue& value) {
            const auto* given = std::get_if<bool>(&value.content);
            return given ? std::optional(*given) : std::nullopt;
          },
          [](bool value) { return value ? "true" : "false"; }};
}

namespace {

constexpr std::size_t kCpusMax = 1024;

// "3" or "0-3"; nothing where it is neither.
std::optional<std::pair<std::size_t, std::size_t>> parse_cpu_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto number = [](std::string_view digits) -> std::optional<std::size_t> {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value >= kCpusMax)
      return std::nullopt;
    return value;
  };
  const auto first = number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return std::pair(*first, *last);
}

}  // namespace

ValueKind<std::vector<std::size_t>> cpu_list() {
  return {"CPUs by their numbers, such as \"0-3,8\"",
          [](const ConfigValue& value) -> std::optional<std::vector<std::size_t>> {
            const auto text = as_text(value);
            if (!text) return std::nullopt;
            std::vector<std::size_t> cpus;
            for (std::string_view rest = *text;;) {
              const std::size_t comma = rest.find(',');
              const auto range = parse_cpu_range(rest.substr(0, comma));
              if (!range) return std::nullopt;
              for (std::size_t cpu = range->first; cpu <= range->second; ++cpu) cpus.push_back(cpu);
              if (comma == std::string_view::npos) return cpus;
              rest.remove_prefix(comma + 1);
            }
          }};
}

ValueKind<std::uint32_t> file_mode() {
  return {"permissions in quotes, as a zero and three octal digits, such as \"0660\"",
          [](const ConfigValue& value) -> std::optional<std::uint32_t> {
            constexpr std::size_t kDigits = 4;
            constexpr int kOctal = 8;
            const auto text = as_text(value);
            if (!text || text->size() != kDigits || text->front() != '0') return std::nullopt;
            std::uint32_t mode = 0;
            const auto [end, error] = std::from_chars(text->data(), text->data() + kDigits, mode, kOctal);
            if (error != std::errc() || end != text->data() + kDigits) return std::nullopt;
            return mode;
          },
          [](std::uint32_t mode) { return fmt::format("\"{:04o}\"", mode); }};
}

ValueKind<std::string> text_of(const core::TextForm& form) {
  return {form.allowed, [fits = form.fits](const ConfigValue& value) -> std::optional<std::string> {
            const auto text = as_text(value);
            if (!text || !fits(*text)) return std::nullopt;
            return std::string(*text);
          }};
}

ValueKind<std::vector<std::string>> texts_of(const core::TextForm& form, std::size_t count_max) {
  return {form.allowed,
          [fits = form.fits, count_max](const ConfigValue& value) -> std::optional<std::vector<std::string>> {
            // An array without elements is one of nothing but strings.
            const auto* texts = std::get_if<ConfigValue::Texts>(&value.content);
            if (!texts || texts->size() > count_max || !std::ranges::all_of(*texts, fits))
              return std::nullopt;
            return std::vector<std::string>(texts->begin(), texts->end());
          }};
}

ValueKind<std::vector<std::string>> header_names() { return texts_of(core::header_name_form()); }
ValueKind<std::vector<std::string>> subprotocols() { return texts_of(core::subprotocol_form()); }
ValueKind<std::vector<std::string>> origins() { return texts_of(core::origin_form()); }
ValueKind<std::vector<std::string>> host_names() { return texts_of(core::host_name_form()); }

ValueKind<std::string> http_path() {
  ValueKind<std::string> kind = text_of(core::http_path_form());
  kind.show = [](const std::string& path) { return quoted_for_people(path); };
  return kind;
}

ValueKind<std::string> health_path() {
  ValueKind<std::string> kind = text_of(core::health_path_form());
  kind.show = [](const std::string& path) { return quoted_for_people(path); };
  return kind;
}

ValueKind<std::string> file_name() {
  return {"the name of a PEM file, absolute or from the folder of the configuration",
          [](const ConfigValue& value) -> std::optional<std::string> {
            const auto text = as_text(value);
            if (!text || text->empty() || text->find('\0') != std::string_view::npos) return std::nullopt;
            return std::string(*text);
          }};
}

ValueKind<std::string> listen_address() {
  return {fmt::format("{} or unix:///PATH (absolute, at most {} bytes)", kTcpForm, kUnixPathBytesMax),
          [](const ConfigValue& value) -> std::optional<std::string> {
            const auto text = as_text(value);
            if (!text || !parse_listen_address(*text)) return std::nullopt;
            return std::string(*text);
          }};
}

ValueKind<std::string> admin_address() {
  return {fmt::format("{}, or \"\" for no admin listener", kTcpForm),
          [](const ConfigValue& value) -> std::optional<std::string> {
            const auto text = as_text(value);
            if (!text) return std::nullopt;
            const auto address = parse_listen_address(*text);
            const bool tcp = address && address->kind == core::Address::Kind::tcp;
            if (!text->empty() && !tcp) return std::nullopt;
            return std::string(*text);
          },
          [](const std::string& address) { return quoted_for_people(address); }};
}

}  // namespace sluice::daemon
