// SHA-256 by OpenSSL.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

// A digest of bytes given piece by piece. Throws std::runtime_error where OpenSSL fails, which it does
// only when memory or the algorithm is not to be had.
class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  // The digest in lower-case hexadecimal. Ends this object's use.
  std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};
