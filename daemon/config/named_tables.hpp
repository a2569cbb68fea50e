// Named tables: tables of one kind, each by its own name, such as [method."demo.*"].
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "daemon/config/key.hpp"
#include "daemon/config/table_reader.hpp"
#include "daemon/config/toml.hpp"

namespace sluice::daemon {

// The names that tables of one kind may have, and words about them for messages.
struct NamedTableKind {
  std::string_view title;    // "method"
  std::string_view example;  // "demo.sleep"
  std::string_view what;     // completes "is not a ..."
  std::string allowed;       // completes "allowed is ..."
  bool (*fits)(std::string_view);
};

const NamedTableKind& method_names();
const NamedTableKind& topic_names();

// The table `name` of the kind; null, and an error, where it can't be one.
const toml::node* named_table(TableReader& tables, const toml::key& name, const toml::node& node,
                              const NamedTableKind& kind);

// The kind's name and that of the table, for messages.
std::string title_of(const NamedTableKind& kind, std::string_view name);

// The tables of a kind; null, and an error, where `node` does not hold any.
const toml::table* named_tables(TableReader& tables, const toml::node& node, const NamedTableKind& kind);

// Reads all tables of a kind into a map by their names.
template <typename Target, typename Map>
void read_named(TableReader& tables, const toml::node& node, const NamedTableKind& kind,
                const Keys<Target>& keys, Map& targets) {
  const toml::table* const all = named_tables(tables, node, kind);
  if (all == nullptr) return;
  for (const auto& [name, entry] : *all) {
    const toml::node* const table = named_table(tables, name, entry, kind);
    if (table != nullptr)
      tables.read(*table, title_of(kind, name.str()), keys, targets[std::string(name.str())]);
  }
}

}  // namespace sluice::daemon
