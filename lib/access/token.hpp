// Tokens as the server keeps them: never themselves, only their SHA-256.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "lib/base/sha256.hpp"

namespace sluice::core {

// Longer ones are nobody's, and not worth the time of hashing them.
inline constexpr std::size_t kTokenBytesMax = 1024;

using TokenDigest = Sha256;

// The SHA-256 of the token's bytes. Throws std::bad_alloc. Any thread.
TokenDigest token_digest(std::string_view token);

// Reads 64 hexadecimal digits, in any case; nothing for any other text.
std::optional<TokenDigest> parse_digest(std::string_view hex);

// Takes the same time whatever they have in common.
bool same_digest(const TokenDigest& left, const TokenDigest& right);

}  // namespace sluice::core
