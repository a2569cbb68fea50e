// load_config(): the bytes of the file, within bounds of size and time.
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
#include <variant>

#include "daemon/config.hpp"
#include "daemon/config_backend_files.hpp"
#include "daemon/config_tls.hpp"
#include "lib/observe/log.hpp"

namespace sluice::daemon {

namespace {

constexpr int kPipePatienceMs = 5000;
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

struct Failure {
  std::string message;
};

Failure failure(int error) { return {"cannot be read: " + std::generic_category().message(error)}; }

std::variant<std::string, Failure> read_all(int descriptor) {
  std::string text;
  std::array<char, kReadBytes> buffer;
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
      if (text.size() > kConfigBytesMax) {
        return Failure{fmt::format("is too large: at most {} bytes are read", kConfigBytesMax)};
      }
    } else if (errno == EAGAIN) {
      pollfd readable{descriptor, POLLIN, 0};
      if (::poll(&readable, 1, kPipePatienceMs) == 0) return failure(ETIMEDOUT);
    } else if (errno != EINTR) {
      return failure(errno);
    }
  }
}

std::variant<std::string, Failure> read_file(const std::string& path) {
  // Opening a pipe must not wait for its writer.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return failure(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failure(errno);
  if (S_ISDIR(status.st_mode)) return failure(EISDIR);
  return read_all(file.get());
}

}  // namespace

std::string ConfigError::warning_text() const {
  return ConfigError{file, line, column, "warning: " + message}.text();
}

std::string ConfigError::text() const {
  const std::string name = core::printable(file);
  if (line == 0) return fmt::format("{}: {}", name, message);
  return fmt::format("{}:{}:{}: {}", name, line, column, message);
}

LoadedConfig load_config(const std::string& file, const std::vector<core::BackendSettings>* running) {
  auto content = read_file(file);
  if (const auto* problem = std::get_if<Failure>(&content)) {
    LoadedConfig none;
    none.errors = {ConfigError{file, 0, 0, problem->message}};
    return none;
  }
  LoadedConfig loaded = parse_config(std::get<std::string>(content), file);
  if (loaded.errors.size() > kConfigErrorsMax) return loaded;
  check_tls_files(file, loaded);
  check_backend_files(file, loaded);
  if (running != nullptr) check_programs(file, *running, loaded);
  std::ranges::stable_sort(loaded.errors, {},
                           [](const ConfigError& each) { return std::pair(each.line, each.column); });
  return loaded;
}

}  // namespace sluice::daemon
