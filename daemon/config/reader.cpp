#include "daemon/config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "daemon/config/address.hpp"
#include "daemon/config/addresses.hpp"
#include "daemon/config/doubts.hpp"
#include "daemon/config/events.hpp"
#include "daemon/config/exposure.hpp"
#include "daemon/config/named_tables.hpp"
#include "daemon/config/node.hpp"
#include "daemon/config/precheck.hpp"
#include "daemon/config/schema.hpp"
#include "daemon/config/table_reader.hpp"
#include "daemon/config/tls.hpp"
#include "daemon/config/toml.hpp"
#include "lib/access/client_rules.hpp"
#include "lib/observe/log.hpp"
#include "lib/transport/listen/listener_rules.hpp"

namespace sluice::daemon {

namespace {

using core::ListenSettings;
using Position = toml::source_position;

// Walks a parsed document, stores what fits into settings and notes what does not. Used once.
class ConfigReader {
 public:
  explicit ConfigReader(const std::string& file) : file_(file), tables_(file_, result_.errors) {}

  LoadedConfig read(const toml::table& document);
  void complain(std::size_t line, std::size_t column, std::string message) {
    tables_.complain(line, column, std::move(message));
  }
  LoadedConfig finish();

 private:
  // Positions of a client and of its keys in the file.
  struct ClientLocations {
    SourceLocation whole;
    KeyLocations keys;
  };

  void complain(Position where, std::string message) { tables_.complain(where, std::move(message)); }
  void read_top(const toml::key& name, const toml::node& node);
  void unknown_top(const toml::key& name);
  void read_listeners(const toml::node& node);
  void read_listener(const toml::node& node);
  void check_listener(const toml::table& table, const ListenSettings& listener);
  void read_clients(const toml::node& node);
  void read_backends(const toml::node& node);
  BackendEntry read_backend(const toml::node& node);
  void read_environment(const toml::node& node, core::ChildSettings& child);
  void read_headers(const toml::node& node, core::UpstreamSettings& upstream);
  void read_tls(const toml::node& node, ListenSettings& listener);
  void check_addresses(const toml::table& document);

  std::string file_;
  LoadedConfig result_;
  TableReader tables_;  // its errors are the result's
  std::vector<UsedAddress> addresses_;
  bool has_clients_ = false;
  std::vector<KeyLocations> client_keys_;  // of each client of the settings
  std::optional<SourceLocation>
      unlimited_anonymous_;  // position of a client that may call everything without credentials
};

LoadedConfig ConfigReader::read(const toml::table& document) {
  has_clients_ = document.contains("client");
  for (const auto& [name, node] : document) read_top(name, node);
  check_addresses(document);
  for (EventProblem& problem : event_problems(result_.settings, document)) {
    complain(problem.where.line, problem.where.column, std::move(problem.message));
  }
  const toml::node* const admin = document.at_path("admin.address").node();
  const auto admin_location = admin != nullptr ? std::optional(location_of(*admin)) : std::nullopt;
  for (ConfigError& warning :
       exposure_warnings(result_.settings, file_, unlimited_anonymous_, admin_location)) {
    result_.warnings.push_back(std::move(warning));
  }
  if (!result_.errors.empty()) return finish();
  KeyLocations server;
  if (const toml::table* const keys = document.get_as<toml::table>("server")) {
    for (const auto& [name, value] : *keys) server.emplace(name.str(), location_of(value));
  }
  for (ConfigError& doubt : doubts_about(result_.settings, file_, client_keys_, server)) {
    result_.warnings.push_back(std::move(doubt));
  }
  for (EventProblem& doubt : event_doubts(result_.settings.events, document)) {
    result_.warnings.push_back({file_, doubt.where.line, doubt.where.column, std::move(doubt.message)});
  }
  return finish();
}

LoadedConfig ConfigReader::finish() {
  auto& errors = result_.errors;
  std::stable_sort(errors.begin(), errors.end(), [](const ConfigError& a, const ConfigError& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (errors.size() > kConfigErrorsMax) {
    const std::size_t more = errors.size() - kConfigErrorsMax;
    errors.resize(kConfigErrorsMax);
    errors.push_back({file_, 0, 0, fmt::format("{} more errors are not shown", more)});
  }
  return std::move(result_);
}

void ConfigReader::read_top(const toml::key& name, const toml::node& node) {
  if (name == "server") return tables_.read(node, "server", server_keys(), result_.settings);
  if (name == "listen") return read_listeners(node);
  if (name == "admin") return tables_.read(node, "admin", admin_keys(), result_.settings);
  if (name == "admission") return tables_.read(node, "admission", admission_keys(), result_.settings);
  if (name == "log") return tables_.read(node, "log", log_keys(), result_.settings);
  if (name == "client") return read_clients(node);
  if (name == "backend") return read_backends(node);
  if (name == "method")
    return read_named(tables_, node, method_names(), method_keys(), result_.settings.methods);
  if (name == "events") return tables_.read(node, "events", event_keys(), result_.settings.events);
  if (name == "topic")
    return read_named(tables_, node, topic_names(), topic_keys(), result_.settings.events.topics);
  unknown_top(name);
}

void ConfigReader::unknown_top(const toml::key& name) {
  std::vector<std::string_view> known;
  for (const TableDescription& table : config_tables()) {
    if (table.name.find('.') == std::string_view::npos) known.push_back(table.name);
  }
  const std::string shown_name = core::printable(name.str());
  const Position where = name.source().begin;
  if (const auto home = home_of(name.str())) {
    complain(where, fmt::format("{} is not known here; it belongs under {}", shown_name, *home));
  } else if (const auto meant = nearest(name.str(), known)) {
    complain(where, fmt::format("{} is not a known table; did you mean {}?", shown_name, *meant));
  } else {
    complain(where, fmt::format("{} is not a known table; known are: {}", shown_name, joined(known)));
  }
}

void ConfigReader::read_listeners(const toml::node& node) {
  result_.settings.listeners.clear();
  for (const toml::node& entry : tables_.entries_of(node, "listen", "listener")) read_listener(entry);
}

void ConfigReader::read_listener(const toml::node& node) {
  ListenSettings listener;
  listener.address.clear();  // has no default of its own
  tables_.read(node, "listen", listen_keys(), listener);
  const toml::table* table = node.as_table();
  if (!table) return;
  if (!table->contains("address")) {
    const std::string& allowed = listen_keys().front().allowed;
    return complain(node.source().begin, fmt::format("listen.address is missing; it takes {}", allowed));
  }
  if (const toml::node* tls = table->get("tls"); tls && tls->is_table()) read_tls(*tls, listener);
  if (listener.address.empty()) return;  // complained about already
  check_listener(*table, listener);
  result_.settings.listeners.push_back(std::move(listener));
}

void ConfigReader::check_listener(const toml::table& table, const ListenSettings& listener) {
  const Position where = table.get("address")->source().begin;
  const auto address = parse_listen_address(listener.address);
  if (!address) return;
  if (core::is_exposed(listener, has_clients_) && core::is_local(*address)) {
    complain(
        table.get("proxy_protocol")->source().begin,
        "listen.proxy_protocol = true takes clients from other machines, and every client that the proxy "
        "lets in may call everything; add [[client]] entries that say who may call what, or insecure = true "
        "to "
        "this listener");
  } else if (core::is_exposed(listener, has_clients_)) {
    complain(where,
             fmt::format("listen.address = \"{}\" can be reached from other machines, and every client that "
                         "connects may call everything; use a loopback or unix:// address, add [[client]] "
                         "entries that say who may call what, or add insecure = true to this listener",
                         core::printable(listener.address)));
  }
  if (address->kind == core::Address::Kind::tcp && table.contains("mode")) {
    complain(table.get("mode")->source().begin,
             "listen.mode has no meaning for a tcp:// address; it takes a unix:// one");
  }
  if (listener.dual_stack && listener.address.find('[') == std::string::npos) {
    complain(
        table.get("dual_stack")->source().begin,
        "listen.dual_stack = true has no meaning here; it takes an IPv6 address such as \"tcp://[::]:7070\"");
  }
  addresses_.push_back({listener.address, SourceLocation{where.line, where.column}});
}

void ConfigReader::read_clients(const toml::node& node) {
  std::vector<core::GivenClient> clients;
  std::vector<ClientLocations> locations;
  for (const toml::node& entry : tables_.entries_of(node, "client", "client")) {
    core::GivenClient& read = clients.emplace_back();
    auto& [whole, keys] = locations.emplace_back();
    tables_.read(entry, "client", client_keys(), read.settings);
    whole = location_of(entry);
    const toml::table* table = entry.as_table();
    if (!table) return;
    for (const auto& [name, value] : *table) {
      read.keys.emplace(name.str());
      keys.emplace(name.str(), location_of(value));
    }
  }
  for (core::ClientProblem& problem : core::client_problems(clients)) {
    const auto& [whole, keys] = locations[problem.client];
    const SourceLocation where = problem.key.empty() ? whole : keys.at(problem.key);
    complain(where.line, where.column, std::move(problem.message));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    core::ClientSettings& client = clients[i].settings;
    if (client.name == "anonymous" && !client.methods) unlimited_anonymous_ = locations[i].whole;
    result_.settings.clients.push_back(std::move(client));
    client_keys_.push_back(std::move(locations[i].keys));
  }
}

void ConfigReader::read_backends(const toml::node& node) {
  std::vector<BackendEntry> entries;
  for (const toml::node& entry : tables_.entries_of(node, "backend", "backend")) {
    entries.push_back(read_backend(entry));
    if (!entry.is_table()) return;
  }
  for (BackendProblem& problem : backend_problems(entries)) {
    complain(problem.where.line, problem.where.column, std::move(problem.message));
  }
  for (BackendProblem& doubt : backend_doubts(entries)) {
    result_.warnings.push_back({file_, doubt.where.line, doubt.where.column, std::move(doubt.message)});
  }
  for (BackendEntry& entry : entries) {
    const auto location = [keys = entry.keys](std::string_view key) {
      const auto found = keys.find(key);
      return found == keys.end() ? SourceLocation{} : found->second;
    };
    const auto& settings = result_.settings.backends.emplace_back(backend_of(std::move(entry), file_));
    result_.backends.push_back({settings, location("module"), location("ca"), location("command"),
                                location("working_directory"), location("user"), location("headers"),
                                location("password_file")});
  }
}

BackendEntry ConfigReader::read_backend(const toml::node& node) {
  BackendEntry entry;
  entry.where = location_of(node);
  tables_.read(node, "backend", backend_keys(), entry);
  const toml::table* table = node.as_table();
  if (!table) return entry;
  for (const auto& [name, value] : *table) {
    entry.keys.emplace(std::string(name.str()), location_of(value));
    if (!value.is_table()) continue;
    if (name == "breaker") tables_.read(value, "backend.breaker", breaker_keys(), entry.settings.breaker);
    if (name == "retry") tables_.read(value, "backend.retry", retry_keys(), entry.upstream.retry);
    if (name == "env") read_environment(value, entry.child);
    if (name == "headers") read_headers(value, entry.upstream);
  }
  return entry;
}

void ConfigReader::read_environment(const toml::node& node, core::ChildSettings& child) {
  for (const auto& [name, value] : *node.as_table()) {
    const auto* text = value.as_string();
    const bool fits = text && text->get().find('\0') == std::string::npos && !name.empty() &&
                      name.str().find('=') == std::string_view::npos;
    if (fits) {
      child.environment.emplace(std::string(name.str()), text->get());
    } else {
      complain(value.source().begin,
               fmt::format("backend.env.{} takes a string", core::printable(name.str())));
    }
  }
}

void ConfigReader::read_headers(const toml::node& node, core::UpstreamSettings& upstream) {
  for (const auto& [name, value] : *node.as_table()) {
    const auto* text = value.as_string();
    const toml::table* const table = value.as_table();
    const auto* file = table != nullptr && table->size() == 1 ? table->get_as<std::string>("file") : nullptr;
    core::HeaderValue header{text != nullptr ? text->get() : "", file != nullptr ? file->get() : ""};
    const bool one_given = (text != nullptr && core::is_header_value(header.text)) || !header.file.empty();
    if (one_given && core::is_header_name(name.str())) {
      upstream.headers.emplace(std::string(name.str()), std::move(header));
    } else {
      complain(
          value.source().begin,
          fmt::format("backend.headers.{} takes a string of visible characters, or {{ file = \"FILE\" }}",
                      core::printable(name.str())));
    }
  }
}

void ConfigReader::read_tls(const toml::node& node, ListenSettings& listener) {
  const toml::table& table = *node.as_table();
  core::TlsSettings& tls = listener.tls.emplace();
  tables_.read(node, "listen.tls", tls_keys(), tls);
  for (const char* name : {"certificate", "key"}) {
    if (table.contains(name)) continue;
    complain(node.source().begin,
             fmt::format("listen.tls.{} is missing; it takes the name of a PEM file", name));
  }
  for (const std::string& problem : core::tls_problems(listener)) {
    complain(node.source().begin, "listen." + problem);
  }
  resolve_paths(tls, file_);
  if (tls.certificate.empty() || tls.key.empty()) return;
  const auto location = [&](const char* name) {
    const auto* value = table.get(name);
    return value ? SourceLocation{value->source().begin.line, value->source().begin.column}
                 : SourceLocation{};
  };
  result_.tls_files.push_back({tls, location("certificate"), location("key"), location("client_ca")});
}

// The admin's is the last, and may be a default.
void ConfigReader::check_addresses(const toml::table& document) {
  if (!document.contains("listen"))
    addresses_.push_back({result_.settings.listeners.front().address, std::nullopt});
  const toml::node* admin = document.at_path("admin.address").node();
  addresses_.push_back(
      {result_.settings.admin_address, admin ? std::optional(location_of(*admin)) : std::nullopt});
  for (AddressProblem& problem : address_problems(addresses_)) {
    complain(problem.where.line, problem.where.column, std::move(problem.message));
  }
}

}  // namespace

LoadedConfig parse_config(std::string_view text, const std::string& file) {
  ConfigReader reader(file);
  if (const auto dot = dot_too_many(text)) {
    reader.complain(dot->line, dot->column,
                    fmt::format("no line may have more than {} dots", kDotsPerLineMax));
    return reader.finish();
  }
  const toml::parse_result parsed = toml::parse(text);
  if (parsed) return reader.read(parsed.table());
  const toml::parse_error& error = parsed.error();
  const Position where = error.source().begin;
  std::string message = "not valid TOML: " + core::printable(error.description());
  if (message.find("leading zeroes") != std::string::npos) {
    message += "; permissions are given in quotes, such as \"0660\"";
  }
  reader.complain(where.line, where.column, std::move(message));
  return reader.finish();
}

}  // namespace sluice::daemon
