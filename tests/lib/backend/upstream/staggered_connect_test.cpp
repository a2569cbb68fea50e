#include "lib/backend/upstream/staggered_connect.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

namespace sluice::core::testing {
namespace {

using Tcp = boost::asio::ip::tcp;
using Endpoint = StaggeredConnect::Endpoint;
using std::chrono::milliseconds;

constexpr auto kLimit = std::chrono::seconds(20);

struct Fixture {
  boost::asio::io_context context{1};
  StaggeredConnect connect{context};
  std::optional<boost::system::error_code> error;
  std::optional<Endpoint> peer;
  int calls = 0;

  void start(std::vector<Endpoint> endpoints) {
    connect.start(std::move(endpoints), kLimit, [this](auto failure, StaggeredConnect::Socket socket) {
      error = failure;
      if (!failure) peer = socket.remote_endpoint();
      ++calls;
    });
  }
};

// Its backlog is full, so that it answers no new connection.
class SilentPort {
 public:
  explicit SilentPort(boost::asio::io_context& context)
      : acceptor_(context), first_(context), second_(context) {
    acceptor_.open(Tcp::v4());
    acceptor_.bind(Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    acceptor_.listen(0);
    first_.connect(acceptor_.local_endpoint());
    second_.async_connect(acceptor_.local_endpoint(), [](auto) {});
  }
  Endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  Tcp::acceptor acceptor_;
  Tcp::socket first_;
  Tcp::socket second_;
};

TEST_CASE(
    "StaggeredConnect: an address that swallows what it is sent does not keep the next from being tried") {
  Fixture f;
  boost::asio::io_context other{1};
  SilentPort silent(other);
  Tcp::acceptor good(f.context, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const auto begin = std::chrono::steady_clock::now();
  f.start({silent.endpoint(), silent.endpoint(), good.local_endpoint()});
  CHECK(f.calls == 0);
  f.context.run();
  CHECK(f.calls == 1);
  REQUIRE(f.peer);
  CHECK(*f.peer == Endpoint(good.local_endpoint()));
  CHECK(std::chrono::steady_clock::now() - begin < kLimit / 2);
}

TEST_CASE("StaggeredConnect: an address that refuses is followed by the next at once") {
  Fixture f;
  Tcp::acceptor good(f.context, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  Endpoint refused;
  {
    Tcp::acceptor gone(f.context, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    refused = gone.local_endpoint();
  }
  f.start({refused, good.local_endpoint()});
  f.context.run();
  REQUIRE(f.peer);
  CHECK(*f.peer == Endpoint(good.local_endpoint()));
}

TEST_CASE("StaggeredConnect: where all refuse, and where there is no address, that is the outcome") {
  Fixture f;
  Endpoint refused;
  {
    Tcp::acceptor gone(f.context, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    refused = gone.local_endpoint();
  }
  f.start({refused, refused});
  f.context.run();
  REQUIRE(f.error);
  CHECK(*f.error == boost::asio::error::connection_refused);
  f.start({});
  f.context.restart();
  f.context.run();
  CHECK(f.calls == 2);
  CHECK(*f.error);
}

TEST_CASE("StaggeredConnect: one that is cancelled is called once, with an error") {
  Fixture f;
  boost::asio::io_context other{1};
  SilentPort silent(other);
  f.start({silent.endpoint(), silent.endpoint()});
  f.context.poll();
  f.connect.cancel();
  f.connect.cancel();
  f.context.restart();
  f.context.run();
  CHECK(f.calls == 1);
  CHECK(*f.error == boost::asio::error::operation_aborted);
}

TEST_CASE("StaggeredConnect: families alternate, and each keeps its order") {
  const auto v4 = [](unsigned short port) { return Endpoint(Tcp::endpoint(Tcp::v4(), port)); };
  const auto v6 = [](unsigned short port) { return Endpoint(Tcp::endpoint(Tcp::v6(), port)); };
  CHECK(in_turn_by_family({v6(1), v6(2), v6(3), v4(4), v4(5)}) ==
        std::vector<Endpoint>{v6(1), v4(4), v6(2), v4(5), v6(3)});
  CHECK(in_turn_by_family({v4(1), v6(2), v6(3)}) == std::vector<Endpoint>{v4(1), v6(2), v6(3)});
  CHECK(in_turn_by_family({}).empty());
}

TEST_CASE("StaggeredConnect: addresses share the time, each beginning in its first half") {
  CHECK(stagger_of(1, milliseconds(10'000)) == milliseconds(250));
  CHECK(stagger_of(2, milliseconds(400)) == milliseconds(100));
  CHECK(stagger_of(16, milliseconds(100)) == milliseconds(10));
  CHECK(stagger_of(0, milliseconds(100)) == milliseconds(50));
}

}  // namespace
}  // namespace sluice::core::testing
