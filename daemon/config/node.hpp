// A value of a TOML document as the kinds of values read it, and where it stands.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "daemon/config/precheck.hpp"
#include "daemon/config/toml.hpp"
#include "daemon/config/values.hpp"

namespace sluice::daemon {

inline ConfigValue value_of(const toml::array& array) {
  ConfigValue::Texts texts;
  for (const toml::node& element : array) {
    const auto* text = element.as_string();
    if (text == nullptr) return {ConfigValue::Other{"an array"}};
    texts.push_back(text->get());
  }
  return {std::move(texts)};
}

inline ConfigValue value_of(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return {flag->get()};
  if (const auto* number = node.as_integer()) return {number->get()};
  if (const auto* number = node.as_floating_point()) return {number->get()};
  if (const auto* text = node.as_string()) return {std::string_view(text->get())};
  if (const auto* array = node.as_array()) return value_of(*array);
  if (node.is_table()) return {ConfigValue::Other{"a table"}};
  return {ConfigValue::Other{"a date or time"}};
}

// The first invalid element of an array, as an error message shows it; empty if no single element is invalid.
// `store` is that of the key that has refused the array, `allowed` the values that the key takes.
template <typename Target, typename Store>
std::string shown_culprit(const toml::node& node, const Store& store, std::string_view allowed) {
  Target scratch{};
  const toml::array* const array = node.as_array();
  // A key that takes no array at all blames none.
  if (array == nullptr || allowed.find("array") == std::string_view::npos) return {};
  for (const toml::node& element : *array) {
    const auto* const text = element.as_string();
    if (text == nullptr || !store({ConfigValue::Texts{text->get()}}, scratch)) {
      return "an array with " + shown(value_of(element));
    }
  }
  return {};
}

inline SourceLocation location_of(const toml::node& node) {
  return {node.source().begin.line, node.source().begin.column};
}

}  // namespace sluice::daemon
