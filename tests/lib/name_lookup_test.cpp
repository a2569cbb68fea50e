#include "lib/backend/name_lookup.hpp"

#include <doctest/doctest.h>

#include <optional>

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>

namespace sluice::core::testing {
namespace {

struct Fixture {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  NameLookup lookup{context};
  std::optional<boost::system::error_code> error;
  std::vector<NameLookup::Endpoint> found;
  int told = 0;

  void start(const std::string& host) {
    lookup.start(host, 7070,
                 [this](boost::system::error_code failure, std::vector<NameLookup::Endpoint> endpoints) {
                   error = failure;
                   found = std::move(endpoints);
                   ++told;
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

TEST_CASE("a look-up that is cancelled is told so, once, whatever comes of it") {
  Fixture f;
  f.start("localhost");
  f.lookup.cancel();
  f.context.run_one();
  f.start("localhost");
  f.context.run_one();
  CHECK(f.told == 2);
  f.context.poll();
  CHECK(f.told == 2);
}

TEST_CASE("a name that nobody has is an error") {
  Fixture f;
  f.start("no such host");
  f.context.run_one();
  REQUIRE(f.error);
  CHECK(*f.error);
}

TEST_CASE("a look-up outlives whoever asked") {
  for (int i = 0; i < 20; ++i) {
    Fixture f;
    f.start("localhost");
  }
}

}  // namespace
}  // namespace sluice::core::testing
