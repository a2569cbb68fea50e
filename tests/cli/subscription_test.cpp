#include "cli/subscription.hpp"

#include <doctest/doctest.h>

namespace sluice::client {
namespace {

using Kind = Subscription::Step::Kind;
using Texts = std::vector<std::string>;
using std::chrono::milliseconds;

constexpr std::string_view kAccepted = R"({"jsonrpc":"2.0","id":1,"result":"0x1"})";

// A subscription, and what it has put out.
struct Subscribed {
  explicit Subscribed(const SubscribeOptions& options = {}, Texts topics = {"a"})
      : subscription(options, std::move(topics),
                     {[this](std::string_view event) { events.emplace_back(event); },
                      [this](const std::string& remark) { remarks.push_back(remark); }}) {}

  Subscription::Step event(const std::string& members) {
    return subscription.take(
        R"({"jsonrpc":"2.0","method":"rpc.subscription","params":{"subscription":"0x1",)" + members + "}}");
  }
  Subscription::Step accept() { return subscription.take_reply(kAccepted); }
  Subscription::Step refuse(const std::string& error) {
    return subscription.take_reply(R"({"jsonrpc":"2.0","id":1,"error":)" + error + "}");
  }
  // The params of the next request.
  std::string params() const {
    const std::string text = subscription.request();
    const std::size_t begin = text.find("\"params\":") + 9;
    return text.substr(begin, text.rfind('}') - begin);
  }

  Texts events, remarks;
  Subscription subscription;
};

bool says(const Texts& remarks, std::string_view text) {
  return remarks.size() == 1 && remarks.front().find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("Subscription: the request names topics, filter and position") {
  CHECK(Subscribed().subscription.request() ==
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.subscribe\",\"params\":{\"topic\":\"a\"}}\n");
  CHECK(Subscribed({}, {"a", "b.*"}).params() == R"({"topic":["a","b.*"]})");
  SubscribeOptions options;
  options.from = "last";
  options.filter = R"({"/x":1})";
  CHECK(Subscribed(options).params() == R"({"topic":"a","filter":{"/x":1},"from":"last"})");
}

TEST_CASE("Subscription: an event is its result in one line, or the whole notification") {
  Subscribed plain;
  plain.accept();
  CHECK(plain.event("\"n\":1,\"result\":{\"x\":\n1.0}").kind == Kind::wait);
  CHECK(plain.events == Texts{R"({"x":1.0})"});
  SubscribeOptions options;
  options.full = true;
  Subscribed full(options);
  full.accept();
  full.event(R"("n":1,"topic":"a","result":null)");
  CHECK(full.events.front().ends_with(R"("topic":"a","result":null}})"));
}

TEST_CASE("Subscription: it is finished after the events that were asked for, over all connections") {
  SubscribeOptions options;
  options.count = 2;
  Subscribed subscribed(options);
  subscribed.accept();
  CHECK(subscribed.event(R"("n":1,"result":1)").kind == Kind::wait);
  subscribed.accept();
  CHECK(subscribed.event(R"("n":1,"result":2)").kind == Kind::finished);
}

TEST_CASE("Subscription: heartbeats and other subscriptions' events are not printed") {
  Subscribed subscribed;
  subscribed.accept();
  CHECK(subscribed.event(R"("heartbeat":true,"pos":"e:5")").kind == Kind::wait);
  subscribed.subscription.take(R"({"method":"rpc.subscription","params":{"subscription":"0x2","result":1}})");
  subscribed.subscription.take(R"({"method":"rpc.progress","params":{"value":1}})");
  CHECK(subscribed.events.empty());
  CHECK(subscribed.remarks.empty());
  CHECK(subscribed.params() == R"({"topic":"a","from":"e:5"})");
}

TEST_CASE("Subscription: the next connection goes on behind the last event") {
  SubscribeOptions options;
  options.from = "e:1";
  Subscribed subscribed(options);
  CHECK(subscribed.params() == R"({"topic":"a","from":"e:1"})");
  subscribed.accept();
  CHECK(subscribed.params() == R"({"topic":"a","from":"e:1"})");
  subscribed.event(R"("n":1,"pos":"e:2","result":1)");
  CHECK(subscribed.params() == R"({"topic":"a","from":"e:2"})");
  subscribed.accept();
  subscribed.event(R"("n":1,"pos":"e:3","result":2)");
  CHECK(subscribed.remarks.empty());
}

TEST_CASE("Subscription: without a position the next connection says that events may be missing") {
  Subscribed subscribed;
  subscribed.accept();
  CHECK(subscribed.remarks.empty());
  subscribed.accept();
  CHECK(says(subscribed.remarks, "events may be missing"));
}

TEST_CASE("Subscription: a position that is out of history goes on from now, and says so") {
  const std::string gone = R"({"code":-32015,"message":"Gone","data":{"reason":"gone"}})";
  Subscribed subscribed;
  subscribed.accept();
  subscribed.event(R"("n":1,"pos":"e:2","result":1)");
  CHECK(subscribed.refuse(gone).kind == Kind::again);
  CHECK(says(subscribed.remarks, "events are missing: error -32015"));
  CHECK(subscribed.params() == R"({"topic":"a"})");
  subscribed.accept();
  subscribed.event(R"("n":1,"pos":"f:1","result":2)");
  CHECK(subscribed.params() == R"({"topic":"a","from":"f:1"})");
  CHECK(subscribed.remarks.size() == 1);
}

TEST_CASE("Subscription: a position of the user's that is out of history is an error") {
  SubscribeOptions options;
  options.from = "e:1";
  Subscribed subscribed(options);
  const auto step = subscribed.refuse(R"({"code":-32015,"message":"Gone"})");
  CHECK(step.kind == Kind::failed);
  CHECK(step.failure.code == ExitCode::rpc_error);
  CHECK(subscribed.remarks.empty());
}

TEST_CASE("Subscription: a refusal is final at first; later only if it has no time to retry") {
  const std::string busy = R"({"code":-32009,"message":"Busy","data":{"retry_after_ms":700}})";
  const std::string draining = R"({"code":-32012,"message":"Draining"})";
  const std::string forbidden = R"({"code":-32016,"message":"Not allowed"})";
  for (const std::string& error : {busy, draining, forbidden})
    CHECK(Subscribed().refuse(error).kind == Kind::failed);
  Subscribed subscribed;
  subscribed.accept();
  CHECK(subscribed.refuse(busy).kind == Kind::again);
  CHECK(subscribed.refuse(busy).pause == milliseconds(700));
  CHECK(subscribed.refuse(draining).kind == Kind::again);
  CHECK(subscribed.refuse(forbidden).kind == Kind::failed);
}

TEST_CASE("Subscription: an end is remarked, and subscribes again after the server's pause") {
  Subscribed subscribed;
  subscribed.accept();
  const auto step = subscribed.event(
      R"("error":{"code":-32012,"message":"x","data":{"reason":"draining","pos":"e:4","retry_after_ms":900}})");
  CHECK(step.kind == Kind::again);
  CHECK(step.pause == milliseconds(900));
  CHECK(says(subscribed.remarks, R"("reason":"draining")"));
  CHECK(subscribed.params() == R"({"topic":"a","from":"e:4"})");
}

TEST_CASE("Subscription: a long pause of the server's is bounded") {
  Subscribed subscribed;
  subscribed.accept();
  const auto step =
      subscribed.event(R"("error":{"code":-32012,"message":"x","data":{"retry_after_ms":99999999999}})");
  CHECK(step.pause == std::chrono::minutes(1));
}

TEST_CASE("Subscription: a right that is lost ends it") {
  Subscribed subscribed;
  subscribed.accept();
  const auto step = subscribed.event(R"("error":{"code":-32016,"message":"x","data":{"reason":"revoked"}})");
  CHECK(step.kind == Kind::failed);
  CHECK(step.failure.code == ExitCode::rpc_error);
}

TEST_CASE("Subscription: dropped events, holes in the numbers and gaps are remarked") {
  Subscribed dropped;
  dropped.accept();
  dropped.event(R"("n":1,"topic":"a.b","dropped":12,"result":1)");
  CHECK(says(dropped.remarks, "12 events of a.b were dropped"));
  Subscribed hole;
  hole.accept();
  hole.event(R"("n":1,"result":1)");
  hole.event(R"("n":4,"result":1)");
  CHECK(says(hole.remarks, "2 events are missing"));
  Subscribed gap;
  gap.accept();
  gap.event(R"("n":1,"gap":true,"result":1)");
  CHECK(says(gap.remarks, "events are missing: their source was lost"));
}

}  // namespace sluice::client
