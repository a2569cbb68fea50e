#include "file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace {

constexpr int kNoSuchFile = 1;
// The kernel gives up with EAGAIN where folders are being moved about meanwhile.
constexpr int kAttempts = 8;

// O_NONBLOCK: a FIFO is refused, not waited for.
int open_at(int root, const char* path) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long opened = -1;
  for (int attempt = 0; attempt < kAttempts && opened < 0; ++attempt) {
    opened = syscall(SYS_openat2, root, path, &how, sizeof how);
    if (opened < 0 && errno != EAGAIN && errno != EINTR) break;
  }
  return static_cast<int>(opened);
}

bool has_parent_step(const std::string& path) { return ("/" + path + "/").find("/../") != std::string::npos; }

sluice::Error refused() {
  return sluice::invalid_params("/path", "the path of a regular file beneath the root");
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}
Descriptor::~Descriptor() {
  if (number_ >= 0) close(number_);
}

Descriptor open_root(const std::string& folder) {
  const int opened = open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) throw std::system_error(errno, std::generic_category(), folder);
  return Descriptor(opened);
}

sluice::Result<File> open_beneath(const Descriptor& root, const std::string& path) {
  // A path with a NUL would be another one to the kernel.
  if (path.find('\0') != std::string::npos || has_parent_step(path)) return refused();
  File file{Descriptor(open_at(root.number(), path.c_str()))};
  if (file.descriptor.number() < 0) {
    if (errno == EXDEV || errno == ELOOP || errno == ENAMETOOLONG || errno == ENXIO) return refused();
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
      return sluice::Error{kNoSuchFile, "No such file"};
    throw std::system_error(errno, std::generic_category(), "openat2");
  }
  struct stat status {};
  if (fstat(file.descriptor.number(), &status) != 0)
    throw std::system_error(errno, std::generic_category(), "fstat");
  if (!S_ISREG(status.st_mode)) return refused();
  file.bytes = static_cast<std::uint64_t>(status.st_size);
  return file;
}

bool read_at(const File& file, std::uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got =
        pread(file.descriptor.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    offset += static_cast<std::uint64_t>(got);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return true;
}
