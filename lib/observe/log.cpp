#include "lib/observe/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include <spdlog/sinks/sink.h>

#include "lib/observe/log_line.hpp"

namespace sluice::core {

namespace {

// How long a line waits for a slow reader, in milliseconds. A reader that has stopped costs this once, then
// nothing until it reads again.
constexpr int kReaderWaitMs = 20;

// Whether stderr leads to journald, according to the environment.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (!stream || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// Non-blocking stderr. A pipe or a terminal is opened once more: other processes may share the first open
// file and must not find it non-blocking.
class LogOutput {
 public:
  LogOutput() {
    struct stat status {};
    if (::fstat(STDERR_FILENO, &status) != 0) return;
    socket_ = S_ISSOCK(status.st_mode);
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
      const int own = ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
      if (own >= 0) descriptor_ = own;
    }
  }

  // Writes in one step, without waiting. Returns the number of bytes; -1 with errno if none.
  ssize_t write(std::string_view bytes) const {
    if (socket_) return ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (descriptor_ == STDERR_FILENO && !writable_within(0)) {
      errno = EAGAIN;
      return -1;
    }
    return ::write(descriptor_, bytes.data(), bytes.size());
  }

  bool writable_within(int patience_ms) const {
    pollfd descriptor{descriptor_, POLLOUT, 0};
    return ::poll(&descriptor, 1, patience_ms) > 0;
  }

 private:
  int descriptor_ = STDERR_FILENO;  // closed at the process's end
  bool socket_ = false;
};

// Formats lines and writes each with one system call, without a lock. Lines that can't be written are
// counted, and the number is logged once there is room again.
class StderrSink final : public spdlog::sinks::sink {
 public:
  StderrSink() : journal_(stderr_is_journal()) {}

  void set_format(LogFormat format) { format_.store(format, std::memory_order_relaxed); }
  void count_lost() { lost_.fetch_add(1, std::memory_order_relaxed); }

  void log(const spdlog::details::log_msg& message) override {
    log(message.level, message.time, std::string_view(message.payload.data(), message.payload.size()), {});
  }

  using Level = spdlog::level::level_enum;
  using Time = spdlog::log_clock::time_point;
  using Fields = std::span<const LogField>;

  void log(Level level, Time time, std::string_view text, Fields fields) {
    if (lost_.load(std::memory_order_relaxed) != 0 && !report_lost(time)) return count_lost();
    if (!write(line(level, time, text, fields))) count_lost();
  }

  // Nothing is buffered, and the format is not spdlog's.
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  std::string line(Level level, Time time, std::string_view text, Fields fields) const {
    return log_line({format_.load(std::memory_order_relaxed), journal_}, level, time, text, fields);
  }

  bool report_lost(Time time) {
    const std::uint64_t lost = lost_.exchange(0, std::memory_order_relaxed);
    if (lost == 0) return true;
    if (write(line(Level::warn, time, fmt::format("{} log lines could not be written", lost), {})))
      return true;
    lost_.fetch_add(lost, std::memory_order_relaxed);
    return false;
  }

  bool write(std::string whole) {
    // The rest of a line that a full disk has cut off must not run into this one.
    if (torn_.exchange(false, std::memory_order_relaxed)) whole.insert(whole.begin(), '\n');
    std::string_view rest = whole;
    while (!rest.empty()) {
      const ssize_t written = output_.write(rest);
      if (written >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR && !(errno == EAGAIN && wait_for_reader())) {
        if (rest.size() != whole.size()) torn_.store(true, std::memory_order_relaxed);
        return false;
      }
    }
    stalled_.store(false, std::memory_order_relaxed);
    return true;
  }

  bool wait_for_reader() {
    if (stalled_.load(std::memory_order_relaxed)) return false;
    if (output_.writable_within(kReaderWaitMs)) return true;
    stalled_.store(true, std::memory_order_relaxed);
    return false;
  }

  const LogOutput output_;
  const bool journal_;
  std::atomic<LogFormat> format_{LogFormat::text};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> stalled_{false};  // the reader was too slow; not waited for again
  std::atomic<bool> torn_{false};     // the last line is incomplete
};

// The process's only sink. The first call installs it instead of spdlog's own.
StderrSink& process_sink() {
  // Another thread may be using the previous logger right now, so it lives on.
  static const std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
  static const std::shared_ptr<StderrSink> sink = [] {
    auto made = std::make_shared<StderrSink>();
    auto logger = std::make_shared<spdlog::logger>("sluice", made);
    // spdlog's default handler would print to stderr, and wait for it.
    logger->set_error_handler([made_raw = made.get()](const std::string&) { made_raw->count_lost(); });
    spdlog::set_default_logger(std::move(logger));
    return made;
  }();
  return *sink;
}

spdlog::level::level_enum level_named(std::string_view name) {
  if (name == "trace") return spdlog::level::trace;
  if (name == "debug") return spdlog::level::debug;
  if (name == "warn") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  return spdlog::level::info;
}

}  // namespace

void configure_log(const LogSettings& settings) {
  process_sink().set_format(settings.format);
  log_level.store(level_named(settings.level), std::memory_order_relaxed);
  spdlog::default_logger_raw()->set_level(level_named(settings.level));
}

void log_fields(spdlog::level::level_enum level, std::string_view message, std::span<const LogField> fields) {
  if (!log_enabled(level)) return;
  process_sink().log(level, spdlog::log_clock::now(), message, fields);
}

}  // namespace sluice::core
