// How the tables of keys are written.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "daemon/config_schema.hpp"

namespace sluice::daemon {

// Joins a kind of value to the place where it is stored: `place` gives a reference into the target.
template <typename Target, typename T, typename Place>
Key<Target> key(std::string_view name, ValueKind<T> kind, Place place, std::string_view help) {
  auto store = [read = std::move(kind.read), place](const ConfigValue& given, Target& target) {
    const std::optional<T> value = read(given);
    if (value) place(target) = *value;
    return value.has_value();
  };
  return {name, help, std::move(kind.allowed), std::move(store), false};
}

// A table within a table, which is read on its own once its kind is known.
template <typename Target>
Key<Target> table_key(std::string_view name, std::string_view help, std::string_view header) {
  return {name, help, "a table, see " + std::string(header), [](const ConfigValue& given, Target&) {
            const auto* other = std::get_if<ConfigValue::Other>(&given.content);
            return other != nullptr && other->what == "a table";
          }};
}

// A place in Settings, or in whatever a table's target is.
#define SLUICE_PLACE(member) \
  [](auto& target) -> auto& { return target.member; }

}  // namespace sluice::daemon
