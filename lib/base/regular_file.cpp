#include "lib/base/regular_file.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/descriptor.hpp"

namespace sluice::core {
namespace {

constexpr std::size_t kKiB = std::size_t{1} << 10;
constexpr std::size_t kMiB = std::size_t{1} << 20;

std::string size_text(std::size_t bytes) {
  return bytes < kMiB ? std::to_string(bytes / kKiB) + " KiB" : std::to_string(bytes / kMiB) + " MiB";
}

FileProblem unreadable(int error) { return {"can't be read: " + std::generic_category().message(error)}; }

}  // namespace

Result<void, FileProblem> read_regular_file(const std::string& path, std::size_t bytes_max,
                                            std::string& text) {
  // Opening a pipe must not wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return unreadable(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return unreadable(errno);
  if (!S_ISREG(status.st_mode)) return FileProblem{"is not a regular file"};
  if (status.st_size > static_cast<off_t>(bytes_max)) {
    return FileProblem{"is larger than " + size_text(bytes_max)};
  }
  text.resize(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return success();
}

}  // namespace sluice::core
