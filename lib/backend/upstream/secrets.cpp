#include "lib/backend/upstream/secrets.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include <openssl/evp.h>

#include "lib/base/regular_file.hpp"
#include "proto/byte_order_mark.hpp"

namespace sluice::core {
namespace {

constexpr std::size_t kSecretBytesMax = 8 * 1024;  // servers take no longer header

constexpr std::array<std::string_view, 18> kOwn = {"accept",
                                                   "accept-encoding",
                                                   "connection",
                                                   "content-encoding",
                                                   "content-length",
                                                   "content-type",
                                                   "expect",
                                                   "host",
                                                   "http2-settings",
                                                   "keep-alive",
                                                   "proxy-connection",
                                                   "te",
                                                   "trailer",
                                                   "traceparent",
                                                   "transfer-encoding",
                                                   "upgrade",
                                                   "user-agent",
                                                   "date"};
constexpr std::array<std::string_view, 2> kOwnPrefixes = {"sec-websocket-", "sluice-"};

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

// The text of the file without the line's end.
Result<void, FileProblem> read_secret(const std::string& file, std::string& text) {
  if (auto read = read_regular_file(file, kSecretBytesMax, text); !read) return read;
  if (text.starts_with(proto::kByteOrderMark))
    text.erase(0, proto::kByteOrderMark.size());  // some editors put it there
  text.erase(text.find_last_not_of("\r\n") + 1);
  if (text.empty()) return FileProblem{"is empty"};
  if (std::ranges::any_of(text, is_control))
    return FileProblem{"holds more than one line, or control characters"};
  return success();
}

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

Result<UpstreamHeaders, SecretProblem> read_upstream_headers(const UpstreamSettings& settings) {
  UpstreamHeaders headers;
  for (const auto& [name, value] : settings.headers) {
    std::string text = value.text;
    if (!value.file.empty()) {
      auto read = read_secret(value.file, text);
      if (!read) return SecretProblem{"headers." + name, value.file, std::move(read).error().what};
    }
    headers.emplace_back(name, std::move(text));
  }
  if (!settings.password_file.empty()) {
    std::string password;
    auto read = read_secret(settings.password_file, password);
    if (!read) return SecretProblem{"password_file", settings.password_file, std::move(read).error().what};
    headers.emplace_back("Authorization", "Basic " + base64(settings.user + ":" + password));
  }
  return headers;
}

std::string hide_secrets(std::string_view text, const UpstreamHeaders& headers) {
  constexpr std::size_t kStartBytes = 16 * 1024;  // beyond what is logged no secret may be cut in two
  constexpr std::string_view kHidden = "***";
  std::string hidden(text.substr(0, kStartBytes));
  const auto hide = [&hidden, kHidden](std::string_view secret) {
    if (secret.empty()) return;
    for (std::size_t at = 0; (at = hidden.find(secret, at)) != std::string::npos; at += kHidden.size()) {
      hidden.replace(at, secret.size(), kHidden);
    }
  };
  for (const auto& [name, value] : headers) {
    hide(value);
    hide(std::string_view(value).substr(value.find(' ') + 1));  // without the scheme
  }
  return hidden;
}

bool is_own_header(std::string_view name) {
  const std::string lowered = lower(name);
  return std::ranges::find(kOwn, lowered) != kOwn.end() ||
         std::ranges::any_of(kOwnPrefixes, [&](std::string_view each) { return lowered.starts_with(each); });
}

bool is_authorization(std::string_view name) { return lower(name) == "authorization"; }

}  // namespace sluice::core
