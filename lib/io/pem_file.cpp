#include "lib/io/pem_file.hpp"

#include <cerrno>
#include <new>
#include <system_error>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/descriptor.hpp"

namespace sluice::core {
namespace {

std::string system_text(int error) { return "can't be read: " + std::generic_category().message(error); }

// After the last certificate: whether anything but the end stopped the reading.
bool ended_well() {
  const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (end) ERR_clear_error();
  return end;
}

}  // namespace

std::optional<std::string> read_pem_file(const std::string& path, std::string& text) {
  // Opening a pipe must not wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return system_text(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_text(errno);
  if (!S_ISREG(status.st_mode)) return "is no regular file";
  if (status.st_size > static_cast<off_t>(kPemFileBytesMax)) return "is larger than 1 MiB";
  text.resize(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_text(errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return std::nullopt;
}

std::variant<Certificates, std::string> read_certificates(std::string_view pem) {
  ERR_clear_error();
  const Bio bio = reader_of(pem);
  Certificates found;
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    found.push_back(std::move(next));
  }
  if (found.empty()) return "holds no PEM certificate: " + openssl_reason();
  if (!ended_well()) return "holds a broken certificate: " + openssl_reason();
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
