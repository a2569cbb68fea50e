#include "lib/observe/process_stats.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <stdlib.h>

namespace sluice::core {
namespace {

// A process file system of which `self` alone is seen, as with ProcSubset=pid, or nothing at all.
class Proc {
 public:
  explicit Proc(bool with_self) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-proc-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder");
    path = pattern;
    if (with_self) std::filesystem::create_symlink("/proc/self", path + "/self");
  }
  ~Proc() { std::filesystem::remove_all(path); }
  Proc(const Proc&) = delete;
  Proc& operator=(const Proc&) = delete;

  std::string path;
};

TEST_CASE("Process statistics: the start time is right where only the process's own files are seen") {
  const Proc proc(true);
  const ProcessStats stats = read_process_stats(proc.path);
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const double now = std::chrono::duration<double>(since_epoch).count();
  REQUIRE(stats.start_time_seconds.has_value());
  CHECK(*stats.start_time_seconds <= now + 1);
  CHECK(*stats.start_time_seconds > now - 24 * 3600);
  CHECK(stats.resident_bytes.value_or(0) > 0);
  CHECK(stats.threads.value_or(0) >= 1);
  CHECK(stats.open_descriptors.value_or(0) >= 3);
}

TEST_CASE("Process statistics: the start time does not change") {
  CHECK(read_process_stats().start_time_seconds == read_process_stats().start_time_seconds);
}

TEST_CASE("Process statistics: values that the system does not provide are left out") {
  const Proc proc(false);
  const ProcessStats stats = read_process_stats(proc.path);
  CHECK_FALSE(stats.start_time_seconds.has_value());
  CHECK_FALSE(stats.resident_bytes.has_value());
  CHECK_FALSE(stats.virtual_bytes.has_value());
  CHECK_FALSE(stats.threads.has_value());
  CHECK_FALSE(stats.open_descriptors.has_value());
  CHECK(stats.cpu_seconds.value_or(-1) >= 0);
  CHECK(stats.max_descriptors.value_or(0) > 0);
}

}  // namespace
}  // namespace sluice::core
