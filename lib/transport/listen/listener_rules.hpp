// What is asked of a listener's settings, whether they come from a configuration file or from a program.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/text_form.hpp"
#include "lib/transport/tls/listen_settings.hpp"

namespace sluice::core {

// The path of an HTTP request.
const TextForm& http_path_form();
// The same, or empty.
const TextForm& health_path_form();
// Of a request's header, or "*" for any.
const TextForm& header_name_form();
const TextForm& subprotocol_form();
// Of a web page, as browsers send it; "*" for any.
const TextForm& origin_form();
// A name or address of a host, with or without a port.
const TextForm& host_name_form();

bool is_header_name(std::string_view text);
bool is_header_value(std::string_view text);

// Whether clients on other machines can call: through the address, or through a proxy that connects for them.
bool serves_other_machines(const ListenSettings& listener);

// Whether others than this machine can connect, and call everything, and that was not said to be meant.
bool is_exposed(const ListenSettings& listener, bool has_clients);

// What settings of TLS, which the listener has, can't mean together. Each begins with "tls".
std::vector<std::string> tls_problems(const ListenSettings& listener);

// Throws std::invalid_argument that begins with the address. Files are not looked into.
void check_listener(const ListenSettings& listener, bool has_clients);

}  // namespace sluice::core
