#include "lib/rpc/caller_identity.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

using testing::SessionParts;
using testing::TestSink;

constexpr TimePoint kNow = TimePoint(std::chrono::hours(1));

ClientSettings secret_client() {
  ClientSettings client;
  client.name = "a";
  client.token_sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";  // of "secret"
  return client;
}

ClientSettings certified_client() {
  ClientSettings client;
  client.name = "b";
  client.certificate = "CN=b";
  return client;
}

struct Fixture {
  explicit Fixture(std::vector<ClientSettings> clients) : parts({}, clients) {}

  // The client's name, resolved if that is due; "-" where no clients are configured.
  std::string name() {
    if (!identity.current()) identity.resolve(kNow);
    return identity.grant() ? std::string(identity.grant()->client_name()) : "-";
  }
  std::uint64_t refused() {
    return parts.thread.metrics().rejected[static_cast<std::size_t>(Rejection::unauthenticated)].get();
  }
  bool authenticate(std::string_view token) {
    return identity.authenticate(token, {.id = "1", .method = "rpc.authenticate"});
  }

  SessionParts parts;
  TestSink sink;
  CallerIdentity identity{parts.access, parts.calls.stats(), sink};
};

TEST_CASE("CallerIdentity: without clients the peer does not matter, and everything is allowed") {
  Fixture fixture({});
  CHECK(fixture.name() == "-");
  CHECK(fixture.sink.identities_filled == 0);
}

TEST_CASE("CallerIdentity: asks for the peer's identity once") {
  Fixture fixture({certified_client()});
  fixture.sink.certificate = "CN=b";
  CHECK(fixture.name() == "b");
  fixture.parts.access.apply(fixture.parts.access.prepare({secret_client()}));
  CHECK(fixture.name().empty());
  CHECK(fixture.sink.identities_filled == 1);
}

TEST_CASE("CallerIdentity: a token counts until it is forgotten, and a wrong one is refused and counted") {
  Fixture fixture({secret_client()});
  CHECK(fixture.name().empty());
  CHECK(fixture.identity.take_token("secret"));
  CHECK(fixture.name() == "a");
  CHECK(fixture.refused() == 0);
  CHECK_FALSE(fixture.identity.take_token("wrong"));
  CHECK(fixture.refused() == 1);
  CHECK(fixture.name() == "a");
  fixture.identity.forget_token();
  CHECK(fixture.name().empty());
}

TEST_CASE(
    "CallerIdentity: after ten wrong tokens rpc.authenticate takes none, a message's own is still taken") {
  Fixture fixture({secret_client()});
  for (std::size_t i = 0; i + 1 < CallerIdentity::kWrongTokensMax; ++i) {
    CHECK_FALSE(fixture.authenticate("wrong"));
  }
  CHECK(fixture.authenticate("secret"));
  CHECK_FALSE(fixture.authenticate("wrong"));
  CHECK(fixture.refused() == CallerIdentity::kWrongTokensMax);
  CHECK_FALSE(fixture.authenticate("secret"));
  CHECK(fixture.refused() == CallerIdentity::kWrongTokensMax + 1);
  CHECK(fixture.identity.take_token("secret"));
}

TEST_CASE("CallerIdentity: known clients share what stands for them, others have a key of their own") {
  Fixture fixture({secret_client()});
  Fixture other({secret_client()});
  const void* const own = fixture.identity.client();
  CHECK(own != other.identity.client());
  fixture.name();
  CHECK(fixture.identity.client() == own);
  fixture.identity.take_token("secret");
  fixture.name();
  CHECK(fixture.identity.client() == fixture.identity.grant()->known_client());
  fixture.identity.forget_token();
  fixture.name();
  CHECK(is_client_key(fixture.identity.client()));
}

}  // namespace
}  // namespace sluice::core
