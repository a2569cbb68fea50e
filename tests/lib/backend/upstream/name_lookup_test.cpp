#include "lib/backend/upstream/name_lookup.hpp"

#include <doctest/doctest.h>

#include <new>
#include <optional>

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include "tests/support/failing_allocator.hpp"

namespace sluice::core::testing {
namespace {

struct Fixture {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  NameLookup lookup{context};
  std::optional<boost::system::error_code> error;
  std::vector<NameLookup::Endpoint> found;
  int reports = 0;

  void start(const std::string& host) {
    lookup.start(host, 7070,
                 [this](boost::system::error_code failure, std::vector<NameLookup::Endpoint> endpoints) {
                   error = failure;
                   found = std::move(endpoints);
                   ++reports;
                 });
  }
};

TEST_CASE("a look-up finds this machine") {
  Fixture f;
  f.start("localhost");
  CHECK_FALSE(f.error);  // never before start() has returned
  f.context.run_one();
  REQUIRE(f.error);
  CHECK_FALSE(*f.error);
  CHECK_FALSE(f.found.empty());
}

TEST_CASE("a look-up that is cancelled reports that once, whatever its result") {
  Fixture f;
  f.start("localhost");
  f.lookup.cancel();
  f.context.run_one();
  f.start("localhost");
  f.context.run_one();
  CHECK(f.reports == 2);
  f.context.poll();
  CHECK(f.reports == 2);
}

TEST_CASE("a name that no host has is an error") {
  Fixture f;
  f.start("no such host");
  f.context.run_one();
  REQUIRE(f.error);
  CHECK(*f.error);
}

TEST_CASE("look-ups that can't begin for lack of memory keep no slots") {
  constexpr std::size_t kAllocationsMax = 6;  // of a start
  for (int i = 0; i < 2 * NameLookup::kLookupsMax; ++i) {
    for (std::size_t skip = 0; skip < kAllocationsMax; ++skip) {
      Fixture f;
      bool begun = false;
      sluice::testing::fail_allocations(skip);
      try {
        f.start("127.0.0.1");
        begun = true;
      } catch (const std::bad_alloc&) {
        // As its caller has to expect.
      }
      sluice::testing::fail_allocations(0, 0);
      if (begun) f.context.run_one();
    }
  }
  Fixture f;
  f.start("localhost");
  f.context.run_one();
  REQUIRE(f.error);
  CHECK_FALSE(*f.error);
}

TEST_CASE("a look-up outlives its owner") {
  for (int i = 0; i < 20; ++i) {
    Fixture f;
    f.start("localhost");
  }
}

}  // namespace
}  // namespace sluice::core::testing
