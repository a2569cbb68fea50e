// Key of the configuration: its name, what it takes, where it is stored.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "daemon/config/values.hpp"

namespace sluice::daemon {

// The highest value of a key that takes an amount of memory, in bytes.
inline constexpr std::size_t kMemoryMax = std::size_t{1} << 50;

// A key of a table whose values end up in a Target.
template <typename Target>
struct Key {
  std::string_view name;
  std::string_view help;
  std::string allowed;  // completes "it takes ..." in error messages
  // False, and nothing stored, where the value is not allowed.
  std::function<bool(const ConfigValue&, Target&)> store;
  bool secret = false;     // its value may be a secret, and is not shown
  std::string fallback{};  // default as text; empty without a fixed default
};

template <typename Target>
using Keys = std::vector<Key<Target>>;

template <typename Target>
std::vector<std::string_view> names_of(const Keys<Target>& keys) {
  std::vector<std::string_view> names;
  for (const auto& known : keys) names.push_back(known.name);
  return names;
}

// A key's default as text; empty without a fixed default.
template <typename Target, typename T, typename Field>
std::string fallback_of(const ValueKind<T>& kind, const Field& field) {
  Target target{};
  using Stored = std::remove_cvref_t<decltype(field(target))>;
  if constexpr (std::is_same_v<Stored, T>) return kind.show ? kind.show(field(target)) : std::string();
  return {};
}

// Joins a kind of value to the field where it is stored: `field` gives a reference into the target.
template <typename Target, typename T, typename Field>
Key<Target> key(std::string_view name, ValueKind<T> kind, Field field, std::string_view help) {
  std::string fallback = fallback_of<Target>(kind, field);
  auto store = [read = std::move(kind.read), field](const ConfigValue& given, Target& target) {
    const std::optional<T> value = read(given);
    if (value) field(target) = *value;
    return value.has_value();
  };
  return {name, help, std::move(kind.allowed), std::move(store), false, std::move(fallback)};
}

// A table within a table, which is read on its own once its kind is known.
template <typename Target>
Key<Target> table_key(std::string_view name, std::string_view help, std::string allowed) {
  return {name, help, std::move(allowed), [](const ConfigValue& given, Target&) {
            const auto* other = std::get_if<ConfigValue::Other>(&given.content);
            return other != nullptr && other->what == "a table";
          }};
}

// A field of Settings, or of another table's target.
#define SLUICE_FIELD(member) \
  [](auto& target) -> auto& { return target.member; }

}  // namespace sluice::daemon
