#include "lib/transport/listen/listener_rules.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "lib/base/address.hpp"
#include "lib/transport/http/host_name.hpp"
#include "lib/transport/token.hpp"

namespace sluice::core {
namespace {

constexpr std::uint32_t kModeMax = 0777;

bool visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_http_path(std::string_view text) {
  return text.starts_with('/') && visible(text) && text.find_first_of("?#") == std::string_view::npos;
}

bool is_health_path(std::string_view text) { return text.empty() || is_http_path(text); }

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

// Header names of requests. For browsers "*" means any header; patterns have no meaning.
bool is_request_header(std::string_view text) {
  return text == "*" || (is_token(text) && text.find('*') == std::string_view::npos);
}

bool is_scheme(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '.' || c == '-';
  };
  return !text.empty() && std::ranges::all_of(text, fits);
}

// SCHEME://HOST[:PORT] without a path. Other texts, such as patterns, never match an origin.
bool is_origin(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (text == "*" || text == "null") return true;
  if (scheme == std::string_view::npos || !is_scheme(text.substr(0, scheme)) || !visible(text)) return false;
  const std::string_view host = text.substr(scheme + 3);
  if (host.empty() || host.find_first_of("/?#@*") != std::string_view::npos) return false;
  const bool web = text.starts_with("http") || text.starts_with("HTTP") || text.starts_with("ws");
  return !web || host_of_origin(text);
}

bool is_host_name(std::string_view text) {
  const auto host = parse_host(text);
  return host && visible(text) && !host->name.starts_with('.') && host->name.find("..") == std::string::npos;
}

// The problem; empty: valid.
std::string problem_of(const ListenSettings& listener, bool has_clients) {
  const auto takes = [](std::string_view key, const TextForm& form) {
    return std::string(": ").append(key) + " is not allowed; it takes " + form.allowed;
  };
  if (!parse_address(listener.address)) return " is not a listen address";
  if (is_exposed(listener, has_clients)) {
    return " can be reached by others than this machine: say who may call with clients, or insecure = true";
  }
  if (listener.mode > kModeMax) return ": mode is not allowed; it takes permissions such as 0660";
  if (!is_http_path(listener.http_path)) return takes("http_path", http_path_form());
  if (!std::ranges::all_of(listener.allowed_origins, is_origin))
    return takes("allowed_origins", origin_form());
  if (!std::ranges::all_of(listener.allowed_hosts, is_host_name))
    return takes("allowed_hosts", host_name_form());
  if (!std::ranges::all_of(listener.allowed_headers, is_request_header))
    return takes("allowed_headers", header_name_form());
  if (!std::ranges::all_of(listener.subprotocols, is_token)) return takes("subprotocols", subprotocol_form());
  if (!is_health_path(listener.health_path)) return takes("health_path", health_path_form());
  if (listener.dual_stack && listener.address.find('[') == std::string::npos)
    return ": dual_stack is for an IPv6 address, such as tcp://[::]:7070";
  if (!listener.tls) return "";
  if (listener.tls->certificate.empty() || listener.tls->key.empty()) {
    return ": tls takes a certificate and its key";
  }
  const auto problems = tls_problems(listener);
  return problems.empty() ? "" : ": " + problems.front();
}

}  // namespace

const TextForm& http_path_form() {
  static const TextForm form{R"(a path such as "/" or "/rpc")", is_http_path};
  return form;
}

const TextForm& health_path_form() {
  static const TextForm form{R"(a path such as "/readyz", or "")", is_health_path};
  return form;
}

const TextForm& header_name_form() {
  static const TextForm form{R"(an array of whole names of headers, such as "X-Tenant", or "*" for any)",
                             is_request_header};
  return form;
}

const TextForm& subprotocol_form() {
  static const TextForm form{"an array of names of letters, digits and !#$%&'*+-.^_`|~", is_token};
  return form;
}

const TextForm& origin_form() {
  static const TextForm form{
      R"(an array of "SCHEME://HOST[:PORT]" with nothing behind it and no * within, "null" or "*")",
      is_origin};
  return form;
}

const TextForm& host_name_form() {
  static const TextForm form{
      R"(an array of whole names or addresses of hosts, such as "app.lan", "app.lan:7070" or "[2001:db8::1]")",
      is_host_name};
  return form;
}

bool is_header_name(std::string_view text) { return is_token(text); }

bool is_header_value(std::string_view text) {
  const auto fits = [](char c) { return c == '\t' || (c >= ' ' && c != 0x7f) || (c & 0x80) != 0; };
  return std::ranges::all_of(text, fits) && !text.starts_with(' ') && !text.ends_with(' ');
}

bool serves_other_machines(const ListenSettings& listener) {
  const auto address = parse_address(listener.address);
  return address && (!is_local(*address) || listener.proxy_protocol);
}

bool is_exposed(const ListenSettings& listener, bool has_clients) {
  return serves_other_machines(listener) && !listener.insecure && !has_clients;
}

std::vector<std::string> tls_problems(const ListenSettings& listener) {
  const TlsSettings& tls = *listener.tls;
  std::vector<std::string> problems;
  if (listener.address.starts_with("unix:")) {
    problems.emplace_back(
        "tls is not served on a unix:// address, which does not leave this machine; it takes a tcp:// one");
  }
  if (tls.require_client_certificate && tls.client_ca.empty()) {
    problems.emplace_back("tls.require_client_certificate = true takes a client_ca beside it");
  }
  if (tls.require_client_certificate && tls.optional) {
    problems.emplace_back(
        "tls.require_client_certificate = true is contradicted by optional = true, which lets clients in "
        "without TLS");
  }
  return problems;
}

void check_listener(const ListenSettings& listener, bool has_clients) {
  const std::string problem = problem_of(listener, has_clients);
  if (!problem.empty()) throw std::invalid_argument(listener.address + problem);
}

}  // namespace sluice::core
