// PEM files: certificates and keys.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "lib/base/regular_file.hpp"
#include "lib/base/result.hpp"
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

// Reads a regular file: see read_regular_file().
Result<void, FileProblem> read_pem_file(const std::string& path, std::string& text);

// All certificates of a PEM text, at least one; or the problem of its file. Other content is skipped. Throws
// std::bad_alloc.
using Certificates = std::vector<Certificate>;
Result<Certificates, FileProblem> read_certificates(std::string_view pem);

// A reader of a text, which must outlive it. Throws std::bad_alloc.
Bio reader_of(std::string_view text);

// OpenSSL's reason for its last failure, without a file name. If it ran out of memory, the file is not at
// fault: throws std::bad_alloc then.
std::string openssl_reason();

}  // namespace sluice::core
