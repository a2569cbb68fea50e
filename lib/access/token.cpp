#include "lib/access/token.hpp"

#include <openssl/crypto.h>

#include "lib/base/hex_digit.hpp"

namespace sluice::core {

TokenDigest token_digest(std::string_view token) { return sha256(token); }

std::optional<TokenDigest> parse_digest(std::string_view hex) {
  TokenDigest digest;
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return digest;
}

bool same_digest(const TokenDigest& left, const TokenDigest& right) {
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace sluice::core
