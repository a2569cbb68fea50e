// Reader of one TOML table by the keys that it may have.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/config/key.hpp"
#include "daemon/config/node.hpp"
#include "daemon/config/toml.hpp"

namespace sluice::daemon {

std::string joined(const std::vector<std::string_view>& words);

// Stores what fits into a target, and adds an error for what does not.
class TableReader {
 public:
  // `file` is its name for messages. Both outlive this.
  TableReader(const std::string& file, std::vector<ConfigError>& errors) : file_(file), errors_(errors) {}

  void complain(std::size_t line, std::size_t column, std::string message) {
    errors_.push_back({file_, line, column, std::move(message)});
  }
  void complain(toml::source_position where, std::string message) {
    complain(where.line, where.column, std::move(message));
  }

  // `title` is the table's name for messages.
  template <typename Target>
  void read(const toml::node& node, std::string_view title, const Keys<Target>& keys, Target& target);
  // An array of tables named `name`, each a `what`. Empty, and an error, where there is no entry.
  const toml::array& entries_of(const toml::node& node, std::string_view name, std::string_view what);

 private:
  template <typename Target>
  void read_key(const toml::key& name, const toml::node& node, std::string_view title,
                const Keys<Target>& keys, Target& target);
  void unknown_key(const toml::key& name, std::string_view title, const std::vector<std::string_view>& known);

  const std::string& file_;
  std::vector<ConfigError>& errors_;
};

template <typename Target>
void TableReader::read(const toml::node& node, std::string_view title, const Keys<Target>& keys,
                       Target& target) {
  const toml::table* table = node.as_table();
  if (!table) {
    return complain(node.source().begin, fmt::format("{} is {}; it has to be one table, with keys: {}", title,
                                                     shown(value_of(node)), joined(names_of(keys))));
  }
  for (const auto& [name, value] : *table) read_key(name, value, title, keys, target);
}

template <typename Target>
void TableReader::read_key(const toml::key& name, const toml::node& node, std::string_view title,
                           const Keys<Target>& keys, Target& target) {
  for (const Key<Target>& known : keys) {
    if (known.name != name.str()) continue;
    const ConfigValue value = value_of(node);
    if (known.store(value, target)) return;
    const std::string culprit = shown_culprit<Target>(node, known.store, known.allowed);
    const std::string given = known.secret ? "" : " = " + (culprit.empty() ? shown(value) : culprit);
    return complain(node.source().begin, fmt::format("{}.{}{} is not allowed; it takes {}", title, known.name,
                                                     given, known.allowed));
  }
  unknown_key(name, title, names_of(keys));
}

}  // namespace sluice::daemon
