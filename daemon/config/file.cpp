#include "daemon/config/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "daemon/config/backend_files.hpp"
#include "daemon/config/reader.hpp"
#include "daemon/config/reload.hpp"
#include "daemon/config/secrets.hpp"
#include "daemon/config/tls.hpp"
#include "lib/base/regular_file.hpp"
#include "lib/base/result.hpp"
#include "lib/observe/log.hpp"
#include "lib/observe/printable.hpp"

namespace sluice::daemon {

namespace {

constexpr int kPipeWaitMaxMs = 5000;
constexpr std::size_t kMessageBytesMax = 16 * proto::kKiB;
constexpr std::size_t kReadBytes = 16 * proto::kKiB;

class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  ~FileDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

using core::FileProblem;
using Content = core::Result<std::string, FileProblem>;

FileProblem failure(int error) { return {"cannot be read: " + std::generic_category().message(error)}; }

Content read_all(int descriptor) {
  std::string text;
  std::array<char, kReadBytes> buffer;
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
      if (text.size() > kConfigBytesMax) {
        return FileProblem{fmt::format("is too large: at most {} bytes are read", kConfigBytesMax)};
      }
    } else if (errno == EAGAIN) {
      pollfd readable{descriptor, POLLIN, 0};
      if (::poll(&readable, 1, kPipeWaitMaxMs) == 0) return failure(ETIMEDOUT);
    } else if (errno != EINTR) {
      return failure(errno);
    }
  }
}

Content read_file(const std::string& path) {
  // Opening a pipe must not wait for its writer.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return failure(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failure(errno);
  if (S_ISDIR(status.st_mode)) return failure(EISDIR);
  return read_all(file.get());
}

bool same_version(const struct stat& left, const struct stat& right) {
  return left.st_size == right.st_size && left.st_mtim.tv_sec == right.st_mtim.tv_sec &&
         left.st_mtim.tv_nsec == right.st_mtim.tv_nsec;
}

// Content of a file that can be read again.
Content read_file_again(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return failure(errno);
  struct stat before {};
  struct stat after {};
  if (::fstat(file.get(), &before) != 0) return failure(errno);
  if (!S_ISREG(before.st_mode)) return FileProblem{"is not a regular file and can't be read again"};
  Content content = read_all(file.get());
  if (::fstat(file.get(), &after) != 0) return failure(errno);
  if (content &&
      (!same_version(before, after) || content.value().size() != static_cast<std::size_t>(after.st_size))) {
    return FileProblem{"changes while it is read"};
  }
  return content;
}

// Whether it has only white space and comments.
bool says_nothing(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::size_t begin = text.substr(0, end).find_first_not_of(" \t\r");
    if (begin != std::string_view::npos && text[begin] != '#') return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

LoadedConfig refused(const std::string& file, std::string message) {
  LoadedConfig none;
  none.errors = {ConfigError{file, 0, 0, std::move(message)}};
  return none;
}

LoadedConfig load(const std::string& file, const std::string& text,
                  const std::vector<core::BackendSettings>* running) {
  LoadedConfig loaded = parse_config(text, file);
  if (loaded.errors.size() > kConfigErrorsMax) return loaded;
  check_tls_files(file, loaded);
  check_backend_files(file, loaded);
  warn_about_secrets(file, loaded);
  if (running != nullptr) check_programs(file, *running, loaded);
  std::ranges::stable_sort(loaded.errors, {},
                           [](const ConfigError& each) { return std::pair(each.line, each.column); });
  return loaded;
}

}  // namespace

std::string ConfigError::warning_text() const {
  return ConfigError{file, line, column, "warning: " + message}.text();
}

std::string ConfigError::text() const {
  const std::string name = core::printable(file);
  const std::string whole = line == 0 ? fmt::format("{}: {}", name, message)
                                      : fmt::format("{}:{}:{}: {}", name, line, column, message);
  // Escapes control characters; harmless ones stay.
  std::string harmless;
  core::append_harmless(harmless, whole, kMessageBytesMax);
  return harmless;
}

LoadedConfig load_config(const std::string& file, const std::vector<core::BackendSettings>* running) {
  const Content content = read_file(file);
  if (!content) return refused(file, content.error().what);
  return load(file, content.value(), running);
}

LoadedConfig reload_config(const std::string& file, const core::Settings& running) {
  const Content content = read_file_again(file);
  if (!content) return refused(file, content.error().what);
  const std::string& text = content.value();
  if (says_nothing(text)) return refused(file, "is empty");
  LoadedConfig loaded = load(file, text, &running.backends);
  if (!loaded.ok()) return loaded;
  loaded.errors = lost_protection(running, loaded.settings, file);
  return loaded;
}

}  // namespace sluice::daemon
