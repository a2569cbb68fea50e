#include "lib/base/close_descriptors.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>

namespace sluice::core {
namespace {

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF; }

TEST_CASE("Closing descriptors: listed descriptors from a number on are closed, and no others") {
  // Above those that the program has.
  constexpr int kFirst = 700;
  constexpr int kCount = 200;  // more than one piece of the list holds
  rlimit most{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &most) == 0);
  REQUIRE(most.rlim_cur > kFirst + kCount);
  const int kept = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kFirst - 1);
  std::vector<int> closed;
  for (int i = 0; i < kCount; ++i) closed.push_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kFirst));
  REQUIRE(is_open(kept));
  REQUIRE(is_open(closed.back()));
  CHECK(close_listed_descriptors_from(kFirst));
  for (const int each : closed) CHECK_FALSE(is_open(each));
  CHECK(is_open(kept));
  CHECK(is_open(STDERR_FILENO));
  ::close(kept);
}

}  // namespace
}  // namespace sluice::core
