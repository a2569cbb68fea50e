// Upstream headers: configured request headers, with credentials.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/backend/backend_settings.hpp"
#include "lib/base/result.hpp"

namespace sluice::core {

// Names and values. The values are secret: they go to the upstream and nowhere else.
using UpstreamHeaders = std::vector<std::pair<std::string, std::string>>;

// What can't be used, without saying what is in it.
struct SecretProblem {
  std::string key;   // the setting: "headers.NAME" or "password_file"
  std::string file;  // empty: its value is in the configuration itself
  std::string what;  // goes on from the file's name, or the setting's
};

// Reads the files that the settings name.
Result<UpstreamHeaders, SecretProblem> read_upstream_headers(const UpstreamSettings& settings);

// How a text begins, for the log, with the values of those headers replaced wherever they stand in it: some
// servers show their callers what they were sent.
std::string hide_secrets(std::string_view text, const UpstreamHeaders& headers);

// Whether the server itself sets that header, or leaves it out, so that no other may. In any case of letters.
bool is_own_header(std::string_view name);

// Whether it says who calls, as `user` and `password_file` do.
bool is_authorization(std::string_view name);

}  // namespace sluice::core
