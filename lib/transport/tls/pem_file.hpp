// Files with certificates and keys.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "proto/limits.hpp"

namespace sluice::core {

inline constexpr std::size_t kPemFileBytesMax = proto::kMiB;

template <auto kFree>
struct OpenSslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, OpenSslFree<BIO_free>>;
using Certificate = std::unique_ptr<X509, OpenSslFree<X509_free>>;

// Reads a regular file. What is wrong with it, if anything: it goes on from the file's name.
std::optional<std::string> read_pem_file(const std::string& path, std::string& text);

// All certificates of a PEM text, at least one; or what is wrong with it, likewise. What else is in it is
// passed over. Throws std::bad_alloc for want of memory.
using Certificates = std::vector<Certificate>;
std::variant<Certificates, std::string> read_certificates(std::string_view pem);

// For reading a text, which has to outlive it. Throws std::bad_alloc.
Bio reader_of(std::string_view text);

// The reason that OpenSSL gives for its last failure, which names no file. Want of memory is no fault of the
// file's: throws std::bad_alloc then.
std::string openssl_reason();

}  // namespace sluice::core
