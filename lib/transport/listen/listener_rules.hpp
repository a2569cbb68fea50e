// Validation of listeners' settings, from a configuration file or from a program. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/text_form.hpp"
#include "lib/transport/tls/listen_settings.hpp"

namespace sluice::core {

// Form of an HTTP request's path.
const TextForm& http_path_form();
// Form of a path, or empty.
const TextForm& health_path_form();
// Form of a request header's name, or "*" for any.
const TextForm& header_name_form();
const TextForm& subprotocol_form();
// Form of a web page's origin, as browsers send it; "*" for any.
const TextForm& origin_form();
// Form of a host's name or address, with or without a port.
const TextForm& host_name_form();

bool is_header_name(std::string_view text);
bool is_header_value(std::string_view text);

// Whether clients on other machines can call: through the address, or through a proxy that connects for them.
bool serves_other_machines(const ListenSettings& listener);

// Whether other machines can connect and call everything, without `insecure`.
bool is_exposed(const ListenSettings& listener, bool has_clients);

// Contradictory TLS settings of a listener with TLS. Each text begins with "tls".
std::vector<std::string> tls_problems(const ListenSettings& listener);

// Throws std::invalid_argument with a text that begins with the address. Does not read files.
void check_listener(const ListenSettings& listener, bool has_clients);

}  // namespace sluice::core
