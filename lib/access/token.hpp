// Token digest: the server keeps only the SHA-256 of a token.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "lib/base/sha256.hpp"

namespace sluice::core {

// Longer tokens belong to no client, and hashing them would only cost time.
inline constexpr std::size_t kTokenBytesMax = 1024;

using TokenDigest = Sha256;

// The SHA-256 of the token's bytes. Throws std::bad_alloc. Any thread.
TokenDigest token_digest(std::string_view token);

// Reads 64 hexadecimal digits, in any case; nothing for any other text.
std::optional<TokenDigest> parse_digest(std::string_view hex);

// Constant time, however much they have in common.
bool same_digest(const TokenDigest& left, const TokenDigest& right);

}  // namespace sluice::core
