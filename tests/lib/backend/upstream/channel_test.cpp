#include "lib/backend/upstream/channel.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lib/observe/metrics.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {
namespace {

using Events = std::vector<std::string>;

// A connection that notes what its channel reports. Each attempt of `attempts` is under way.
struct Fixture final : UpstreamChannel::Host {
  Fixture() {
    for (UpstreamAttempt& each : attempts) channel.attempts().begin(each, true, hub.now());
  }
  void on_open() override { events.emplace_back("open"); }
  void on_idle() override { events.emplace_back("idle"); }
  void on_writable() override { events.emplace_back("writable"); }
  void on_reply(UpstreamAttempt& attempt, const proto::Reply& reply) override {
    events.push_back(std::to_string(attempt.id) + ": " +
                     std::string(reply.error.empty() ? reply.result : "error"));
  }
  void on_failure(UpstreamAttempt& attempt, UpstreamFailure how) override {
    events.push_back(std::to_string(attempt.id) +
                     (how == UpstreamFailure::reply_too_big ? ": too big" : ": no reply"));
  }
  bool unnamed_error_fails() const override { return errors_fail; }
  void end(UpstreamEnd, const std::string& what) override {
    if (channel.closed()) return;
    channel.close();
    events.push_back("end: " + what);
  }
  std::shared_ptr<void> keep_alive() override { return alive; }
  Events taken() { return std::exchange(events, {}); }

  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread io{0, "io-0", Limits{}, pool, metrics.shard(0)};
  BackendHub hub{io};
  UpstreamSettings settings;
  UpstreamHeaders headers;
  UpstreamLog log{"upstream"};
  UpstreamRoute route{hub, settings, Dialect::jsonrpc, {}, "upstream", nullptr, nullptr, headers, log};
  std::shared_ptr<int> alive = std::make_shared<int>();
  bool errors_fail = false;
  Events events;
  UpstreamChannel channel{route, *this};
  std::array<UpstreamAttempt, 2> attempts;
};

TEST_CASE("UpstreamChannel: a reply ends its attempt, and the last one leaves the connection idle") {
  Fixture fixture;
  CHECK(fixture.channel.take_text(R"( {"jsonrpc":"2.0","id":2,"result":7} )"));
  CHECK(fixture.taken() == Events{"2: 7"});
  CHECK(fixture.channel.take_text(R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}})"));
  CHECK(fixture.taken() == Events{"idle", "1: error"});
  CHECK_FALSE(fixture.channel.attempts().fresh());
}

TEST_CASE("UpstreamChannel: text that is not a message fails the attempt that it names") {
  Fixture fixture;
  CHECK(fixture.channel.take_text(R"({"jsonrpc":"2.0","id":2,"result":)"));
  CHECK_FALSE(fixture.channel.take_text("a page"));
  CHECK(fixture.taken() == Events{"2: no reply"});
}

TEST_CASE("UpstreamChannel: an error without an id is not for an attempt while a late reply may come") {
  constexpr const char* kError = R"({"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"no"}})";
  Fixture fixture;
  fixture.errors_fail = true;
  fixture.channel.attempts().pending().expect_late(1);
  fixture.channel.release(fixture.attempts[0]);
  CHECK_FALSE(fixture.channel.take_text(kError));
  CHECK(fixture.taken().empty());
  CHECK_FALSE(fixture.channel.take_text(R"({"jsonrpc":"2.0","id":1,"result":7})"));
  CHECK(fixture.channel.take_text(kError));
  CHECK(fixture.taken() == Events{"idle", "2: error"});
  CHECK(fixture.attempts[1].failed);
}

TEST_CASE("UpstreamChannel: a reply that is too big fails its attempt and ends the connection") {
  Fixture fixture;
  fixture.channel.take_oversize(R"({"jsonrpc":"2.0","id":2,"result":"xx)");
  CHECK(fixture.taken() == Events{"2: too big", "end: a reply over the size limit"});
}

TEST_CASE("UpstreamChannel: too much invalid input ends the connection, and what it names fails no more") {
  Fixture fixture;
  const std::string text = R"({"jsonrpc":"2.0","id":2,"error":)" + std::string(2 * 1024 * 1024, ' ');
  CHECK_FALSE(fixture.channel.take_text(text));
  CHECK(fixture.taken() == Events{"end: too many bytes that are not replies"});
}

TEST_CASE(
    "UpstreamChannel: an exception in a handler ends the connection, and no handler runs after the end") {
  struct Protocol {
    void on_event(int value) {
      if (value == 0) throw std::runtime_error("no memory");
      last = value;
    }
    int last = 0;
  };
  Fixture fixture;
  Protocol protocol;
  const auto handler = fixture.channel.handler(protocol, &Protocol::on_event);
  CHECK(fixture.alive.use_count() == 2);
  handler(7);
  CHECK(protocol.last == 7);
  handler(0);
  CHECK(fixture.taken() == Events{"end: no memory"});
  handler(8);
  CHECK(protocol.last == 7);
}

}  // namespace
}  // namespace sluice::core
