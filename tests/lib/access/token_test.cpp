#include "lib/access/token.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

TEST_CASE("Token digests: each byte counts") {
  const TokenDigest digest = token_digest("secret");
  CHECK(same_digest(digest, digest));
  for (std::size_t i = 0; i < digest.size(); ++i) {
    for (const unsigned bit : {0x01u, 0x80u}) {
      CAPTURE(i);
      TokenDigest other = digest;
      other[i] ^= static_cast<unsigned char>(bit);
      CHECK_FALSE(same_digest(digest, other));
      CHECK_FALSE(same_digest(other, digest));
    }
  }
}

}  // namespace
}  // namespace sluice::core
