#include "daemon/config/table_reader.hpp"

#include "daemon/config/schema.hpp"
#include "lib/observe/log.hpp"

namespace sluice::daemon {
namespace {

constexpr std::string_view kPlainToken =
    "client.token would keep the token itself in this file; client.token_sha256 takes its SHA-256, which "
    "`sluice token -` prints";

}  // namespace

std::string joined(const std::vector<std::string_view>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

const toml::array& TableReader::entries_of(const toml::node& node, std::string_view name,
                                           std::string_view what) {
  static const toml::array kNone;
  const toml::array* list = node.as_array();
  if (list && !list->empty()) return *list;
  complain(node.source().begin, fmt::format("{0} is {1}; each {2} is a table of its own under [[{0}]]", name,
                                            list ? "empty" : shown(value_of(node)), what));
  return kNone;
}

void TableReader::unknown_key(const toml::key& name, std::string_view title,
                              const std::vector<std::string_view>& known) {
  const std::string shown_name = core::printable(name.str());
  const toml::source_position where = name.source().begin;
  if (title == "client" && name == "token") return complain(where, std::string(kPlainToken));
  if (const auto meant = nearest(name.str(), known)) {
    complain(where, fmt::format("{}.{} is not a known key; did you mean {}?", title, shown_name, *meant));
  } else if (const auto home = home_of(name.str())) {
    complain(where, fmt::format("{}.{} is not a known key; it belongs under {}", title, shown_name, *home));
  } else {
    complain(where, fmt::format("{}.{} is not a known key; known are: {}", title, shown_name, joined(known)));
  }
}

}  // namespace sluice::daemon
