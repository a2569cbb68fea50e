#include "lib/transport/tls/pem_file.hpp"

#include <new>

#include <openssl/err.h>
#include <openssl/pem.h>

namespace sluice::core {
namespace {

// Call after the last certificate: false if an error other than the end stopped the reading.
bool ended_well() {
  const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (end) ERR_clear_error();
  return end;
}

}  // namespace

Result<void, FileProblem> read_pem_file(const std::string& path, std::string& text) {
  return read_regular_file(path, kPemFileBytesMax, text);
}

Result<Certificates, FileProblem> read_certificates(std::string_view pem) {
  ERR_clear_error();
  const Bio bio = reader_of(pem);
  Certificates found;
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    found.push_back(std::move(next));
  }
  if (found.empty()) return FileProblem{"holds no PEM certificate: " + openssl_reason()};
  if (!ended_well()) return FileProblem{"holds a broken certificate: " + openssl_reason()};
  return found;
}

Bio reader_of(std::string_view text) {
  Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

std::string openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) throw std::bad_alloc();
  const char* const reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown error";
}

}  // namespace sluice::core
