// Schema of the configuration file: for each table its keys with name, allowed values, field and purpose.
// Reading, suggestions and --help all work from these tables.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "daemon/config/backends.hpp"
#include "daemon/config/key.hpp"
#include "lib/server/settings.hpp"

namespace sluice::daemon {

const Keys<core::Settings>& server_keys();
const Keys<core::ListenSettings>& listen_keys();
const Keys<core::TlsSettings>& tls_keys();
const Keys<core::Settings>& admin_keys();
const Keys<core::Settings>& admission_keys();
const Keys<core::Settings>& log_keys();
const Keys<core::ClientSettings>& client_keys();
const Keys<BackendEntry>& backend_keys();
const Keys<core::BreakerSettings>& breaker_keys();
const Keys<core::RetrySettings>& retry_keys();
const Keys<core::MethodSettings>& method_keys();
const Keys<core::EventSettings>& event_keys();
const Keys<core::TopicSettings>& topic_keys();

// A key without its type, for messages and help.
struct KeyDescription {
  std::string_view name;
  std::string_view help;
  std::string_view allowed;
  std::string_view fallback;  // may be empty
};

struct TableDescription {
  std::string_view name;    // "server"; with a dot where it is inside another one
  std::string_view header;  // as it stands in a file, "[server]"
  std::vector<KeyDescription> keys;
};

// All tables, in the order in which people want to read about them. Views live as long as the program.
const std::vector<TableDescription>& config_tables();

// The table that has a key of this name, for the hint "it belongs under [x]" if it stands in another one.
std::optional<std::string_view> home_of(std::string_view key_name);

// The name in `known` nearest to `given`, if one is near enough to be suggested.
std::optional<std::string_view> nearest(std::string_view given, const std::vector<std::string_view>& known);

}  // namespace sluice::daemon
