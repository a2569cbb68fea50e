// How the tables of keys are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "daemon/config_schema.hpp"

namespace sluice::daemon {

// What a key is where it is left out, as text; empty where that can't be said.
template <typename Target, typename T, typename Place>
std::string fallback_of(const ValueKind<T>& kind, const Place& place) {
  Target target{};
  using Stored = std::remove_cvref_t<decltype(place(target))>;
  if constexpr (std::is_same_v<Stored, T>) return kind.show ? kind.show(place(target)) : std::string();
  return {};
}

// Joins a kind of value to the place where it is stored: `place` gives a reference into the target.
template <typename Target, typename T, typename Place>
Key<Target> key(std::string_view name, ValueKind<T> kind, Place place, std::string_view help) {
  std::string fallback = fallback_of<Target>(kind, place);
  auto store = [read = std::move(kind.read), place](const ConfigValue& given, Target& target) {
    const std::optional<T> value = read(given);
    if (value) place(target) = *value;
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

// A place in Settings, or in whatever a table's target is.
#define SLUICE_PLACE(member) \
  [](auto& target) -> auto& { return target.member; }

}  // namespace sluice::daemon
