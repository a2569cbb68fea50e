#include "lib/base/sha256.hpp"

#include <new>

#include <openssl/evp.h>

namespace sluice::core {

Sha256 sha256(std::string_view bytes) {
  Sha256 digest;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();  // it has no other cause of failure
  }
  return digest;
}

}  // namespace sluice::core
