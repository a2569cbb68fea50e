#include "daemon/config/named_tables.hpp"

#include "lib/observe/log.hpp"
#include "lib/server/event_rules.hpp"

namespace sluice::daemon {
namespace {

bool is_method_entry(std::string_view name) {
  const std::size_t star = name.find('*');
  return !name.empty() && (star == std::string_view::npos || star + 1 == name.size());
}

}  // namespace

const NamedTableKind& method_names() {
  static const NamedTableKind kind{"method", "demo.sleep", "method name",
                                   "an exact name, or a prefix with * as its last character",
                                   is_method_entry};
  return kind;
}

const NamedTableKind& topic_names() {
  static const NamedTableKind kind{"topic", "orders.*", "topic pattern", core::topic_entry_form().allowed,
                                   core::topic_entry_form().fits};
  return kind;
}

std::string title_of(const NamedTableKind& kind, std::string_view name) {
  return fmt::format("{}.\"{}\"", kind.title, core::printable(name));
}

const toml::table* named_tables(TableReader& tables, const toml::node& node, const NamedTableKind& kind) {
  if (const toml::table* const all = node.as_table()) return all;
  tables.complain(node.source().begin,
                  fmt::format("{0} is {1}; each {0} is a table of its own, such as [{0}.\"{2}\"]", kind.title,
                              shown(value_of(node)), kind.example));
  return nullptr;
}

const toml::node* named_table(TableReader& tables, const toml::key& name, const toml::node& node,
                              const NamedTableKind& kind) {
  const std::string title = title_of(kind, name.str());
  const toml::table* const table = node.as_table();
  const auto nested = [](const auto& entry) { return entry.second.is_table(); };
  if (table != nullptr && std::any_of(table->begin(), table->end(), nested)) {
    tables.complain(name.source().begin,
                    fmt::format("{} has tables inside; a name with dots is written in quotes, such as "
                                "[{}.\"{}\"]",
                                title, kind.title, kind.example));
    return nullptr;
  }
  if (kind.fits(name.str())) return &node;
  tables.complain(name.source().begin,
                  fmt::format("{} is not a {}; allowed is {}", title, kind.what, kind.allowed));
  return nullptr;
}

}  // namespace sluice::daemon
