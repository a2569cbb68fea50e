// Certificate subject: its canonical text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::core {

// The subject that `text` means, as OpenSSL prints it by RFC 2253. Certificates' subjects are compared in
// this form: "cn=J\xC3\xB6rg" and "CN=J\C3\B6rg" are the same. Nothing where no certificate can have it.
std::optional<std::string> canonical_subject(std::string_view text);

}  // namespace sluice::core
