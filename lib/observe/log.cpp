#include "lib/observe/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <memory>

#include <spdlog/sinks/sink.h>

#include "lib/observe/printable.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {

namespace {

// A line goes out whole in one write, which a pipe promises up to this size.
constexpr std::size_t kLineBytesMax = 4096;

// How long a line may wait for a reader that is slow. One that has stopped costs this once, and nothing
// from then on until it reads again.
constexpr int kReaderPatienceMs = 20;

struct Level {
  std::string_view name;
  std::string_view padded;
  std::string_view priority;  // syslog's, as journald reads it from the front of a line
};

const Level& level_of(spdlog::level::level_enum level) {
  static constexpr std::array<Level, 7> kLevels = {{{"trace", "trace", "<7>"},
                                                    {"debug", "debug", "<7>"},
                                                    {"info", "info ", "<6>"},
                                                    {"warn", "warn ", "<4>"},
                                                    {"error", "error", "<3>"},
                                                    {"error", "error", "<2>"},
                                                    {"info", "info ", "<6>"}}};
  return kLevels[static_cast<std::size_t>(level) % kLevels.size()];
}

// 2026-01-01T00:00:00.000Z
void append_time(std::string& out, spdlog::log_clock::time_point when) {
  using std::chrono::milliseconds;
  constexpr std::int64_t kMillisPerSecond = 1000;
  const auto since_epoch = std::chrono::duration_cast<milliseconds>(when.time_since_epoch()).count();
  const auto whole = static_cast<std::time_t>(since_epoch / kMillisPerSecond);
  std::tm utc{};
  ::gmtime_r(&whole, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                 since_epoch % kMillisPerSecond);
}

// Whether what stderr leads to is journald, which says so in the environment.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (!stream || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// stderr, so that writing to it never waits. Where it is a pipe or a terminal it is opened once more, since
// other processes may share the first opening and must not find it non-blocking.
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

  // Bytes written, in one step and without waiting; -1 with errno where none were.
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
  int descriptor_ = STDERR_FILENO;  // closed with the process
  bool socket_ = false;
};

std::string_view cut_value(const LogField& field) {
  if (field.value.size() <= field.bytes_max) return field.value;
  std::size_t size = field.bytes_max;
  while (size > 0 && is_continuation(field.value[size])) --size;
  return field.value.substr(0, size);
}

// Whether the value stands for itself where values are separated by spaces.
bool is_plain(std::string_view value) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '=' && c != '"'; };
  return !value.empty() && std::ranges::all_of(value, plain);
}

std::string with_fields(std::string_view message, std::span<const LogField> fields) {
  std::string out(message);
  for (const LogField& field : fields) {
    const std::string_view value = cut_value(field);
    const bool as_it_is = (field.json && value.size() == field.value.size()) || is_plain(value);
    out.append(" ").append(field.name).append("=");
    as_it_is ? static_cast<void>(out.append(value)) : proto::append_quoted(out, value);
    if (value.size() < field.value.size()) out.append(kCutMark);
  }
  return out;
}

// What is cut is no JSON any more, but still text.
void append_members(std::string& out, std::span<const LogField> fields) {
  for (const LogField& field : fields) {
    const bool whole = field.value.size() <= field.bytes_max;
    out.append(",\"").append(field.name).append("\":");
    if (field.json && whole) {
      out.append(field.value);
    } else {
      proto::append_quoted(out, whole ? field.value : std::string(cut_value(field)).append(kCutMark));
    }
  }
}

// Formats lines and writes each with one system call, so that no lock is needed, and none is held while
// writing. Lines that can't be written are counted, and the number is logged once there is room again.
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

  // Nothing is kept back, and the format is not spdlog's.
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  std::string line(Level level, Time time, std::string_view text, Fields fields) const {
    std::string out;
    if (journal_) out += level_of(level).priority;
    if (format_.load(std::memory_order_relaxed) == LogFormat::json) {
      append_json(out, level, time, text);
      append_members(out, fields);
      out.push_back('}');
    } else {
      append_text(out, level, time, fields.empty() ? std::string(text) : with_fields(text, fields));
    }
    out.push_back('\n');
    return out;
  }

  void append_text(std::string& out, Level level, Time time, std::string_view text) const {
    if (!journal_) {
      append_time(out, time);
      out.append(" ").append(level_of(level).padded).append(" ");
    }
    if (!append_harmless(out, text, kLineBytesMax - kCutMark.size() - 1)) out.append(kCutMark);
  }

  // An escaped character may take six bytes, so a long message is cut until its line fits.
  static void append_json(std::string& out, Level level, Time time, std::string_view text) {
    out.append(R"({"time":")");
    append_time(out, time);
    out.append(R"(","level":")").append(level_of(level).name).append(R"(","message":)");
    const std::size_t head = out.size();
    for (bool cut = false;; cut = true) {
      proto::append_quoted(out, cut ? std::string(text).append(kCutMark) : std::string(text));
      if (out.size() + 2 <= kLineBytesMax) break;
      out.resize(head);
      std::size_t half = text.size() / 2;
      while (half > 0 && is_continuation(text[half])) --half;
      text = text.substr(0, half);
    }
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
    // The end of a line that was cut off by a full disk must not run into this one.
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
    if (output_.writable_within(kReaderPatienceMs)) return true;
    stalled_.store(true, std::memory_order_relaxed);
    return false;
  }

  const LogOutput output_;
  const bool journal_;
  std::atomic<LogFormat> format_{LogFormat::text};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> stalled_{false};  // the reader has had its time; not waited for again
  std::atomic<bool> torn_{false};     // the last line's end is missing
};

// The process's only sink, put in the place of spdlog's own at the first call.
StderrSink& process_sink() {
  // What was there before may be in use by another thread right now, and lives on.
  static const std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
  static const std::shared_ptr<StderrSink> sink = [] {
    auto made = std::make_shared<StderrSink>();
    auto logger = std::make_shared<spdlog::logger>("sluice", made);
    // spdlog itself would print to stderr, and wait for it.
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
