#include "lib/base/user_namespace.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <stdlib.h>

namespace sluice::core {
namespace {

class Proc {
 public:
  Proc(const std::string& uid_map, const std::string& gid_map) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-proc-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder");
    path = pattern;
    std::filesystem::create_directories(path + "/self");
    std::filesystem::create_directories(path + "/sys/kernel");
    std::ofstream(path + "/self/uid_map") << uid_map;
    std::ofstream(path + "/self/gid_map") << gid_map;
  }
  ~Proc() { std::filesystem::remove_all(path); }
  Proc(const Proc&) = delete;
  Proc& operator=(const Proc&) = delete;

  std::string path;
};

const std::string kIdentity = "         0          0 4294967295\n";

TEST_CASE("User namespaces: where all ids are mapped to themselves, 65534 is a user as any other") {
  const Proc proc(kIdentity, kIdentity);
  CHECK_FALSE(OverflowIds(proc.path).is_overflow_user(65534));
  CHECK_FALSE(OverflowIds(proc.path).is_overflow_group(65534));
}

TEST_CASE("User namespaces: where not all are mapped, the overflow id identifies no user") {
  for (const std::string map :
       {"0 1000 1\n", "0 100000 65536\n", "0 0 65536\n", "0 0 1\n1 100000 65535\n", ""}) {
    CAPTURE(map);
    const Proc users(map, kIdentity);
    CHECK(OverflowIds(users.path).is_overflow_user(65534));
    CHECK_FALSE(OverflowIds(users.path).is_overflow_user(0));
    CHECK_FALSE(OverflowIds(users.path).is_overflow_user(65533));
    CHECK_FALSE(OverflowIds(users.path).is_overflow_group(65534));
    const Proc groups(kIdentity, map);
    CHECK(OverflowIds(groups.path).is_overflow_group(65534));
    CHECK_FALSE(OverflowIds(groups.path).is_overflow_user(65534));
  }
}

TEST_CASE("User namespaces: the overflow id is the one that the system has") {
  const Proc proc("0 1000 1\n", "0 1000 1\n");
  std::ofstream(proc.path + "/sys/kernel/overflowuid") << "99\n";
  std::ofstream(proc.path + "/sys/kernel/overflowgid") << "98\n";
  CHECK(OverflowIds(proc.path).is_overflow_user(99));
  CHECK(OverflowIds(proc.path).is_overflow_group(98));
  CHECK_FALSE(OverflowIds(proc.path).is_overflow_user(65534));
}

TEST_CASE("User namespaces: where nothing is known, the overflow id identifies no user") {
  CHECK(OverflowIds("/nonexistent").is_overflow_user(65534));
  CHECK(OverflowIds("/nonexistent").is_overflow_group(65534));
}

}  // namespace
}  // namespace sluice::core
