// Callers: the client that a connection's credentials match, also after the configuration has changed.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lib/access/caller.hpp"

namespace sluice::core {
namespace {

constexpr TimePoint kNow = TimePoint(std::chrono::hours(1));

std::string hex(const TokenDigest& digest) {
  std::string text;
  for (const unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4u];
    text += "0123456789abcdef"[byte & 0xFu];
  }
  return text;
}

ClientSettings named(std::string name) {
  ClientSettings client;
  client.name = std::move(name);
  return client;
}

ClientSettings with_token(std::string name, std::string_view token) {
  ClientSettings client = named(std::move(name));
  client.token_sha256 = hex(token_digest(token));
  return client;
}

// The name of the caller's client; "-" where callers need no credentials.
std::string name_of(Caller& caller) {
  if (!caller.current()) caller.resolve(kNow);
  return caller.grant() ? std::string(caller.grant()->client_name()) : "-";
}

TEST_CASE("Caller: without clients every caller may call everything, with any credentials") {
  Access access({});
  Caller caller(access);
  CHECK(caller.current());
  CHECK(name_of(caller) == "-");
  caller.set_peer_address("127.0.0.1");
  CHECK(caller.authenticate("any"));
  CHECK(name_of(caller) == "-");
}

TEST_CASE("Caller: with clients an unauthenticated caller may do nothing") {
  Access access({with_token("a", "secret")});
  Caller caller(access);
  CHECK_FALSE(caller.current());
  CHECK(name_of(caller) == "");
  CHECK_FALSE(caller.grant()->allows("rpc.discover"));
  CHECK_FALSE(caller.grant()->authenticated());
}

TEST_CASE("Caller: is the client whose token it presents, and a wrong one changes nothing") {
  Access access({with_token("a", "secret"), with_token("b", "other")});
  Caller caller(access);
  CHECK_FALSE(caller.authenticate("wrong"));
  CHECK_FALSE(caller.authenticate(std::string(kTokenBytesMax + 1, 'x')));
  CHECK(caller.authenticate("secret"));
  CHECK(name_of(caller) == "a");
  CHECK_FALSE(caller.authenticate("wrong"));
  CHECK(name_of(caller) == "a");
  CHECK(caller.authenticate("other"));
  CHECK(name_of(caller) == "b");
  caller.forget_token();
  CHECK(name_of(caller) == "");
}

TEST_CASE("Caller: a token goes before a certificate, that before a user, that before a group") {
  auto by_group = named("group");
  by_group.group = 50;
  auto by_user = named("user");
  by_user.user = 1000;
  auto by_certificate = named("certificate");
  by_certificate.certificate = "CN=deploy";
  Access access({by_group, by_user, by_certificate, with_token("token", "t")});
  Caller caller(access);
  caller.set_peer_user(1001, {1001, 50});
  CHECK(name_of(caller) == "group");
  caller.set_peer_user(1000, {50});
  CHECK(name_of(caller) == "user");
  caller.set_certificate("CN=deploy");
  CHECK(name_of(caller) == "certificate");
  CHECK(caller.authenticate("t"));
  CHECK(name_of(caller) == "token");
  Caller stranger(access);
  stranger.set_peer_user(1001, {1001, 51});
  stranger.set_certificate("CN=deploy,O=other");
  CHECK(name_of(stranger) == "");
}

TEST_CASE("Caller: of a client's several credentials one is enough") {
  auto client = with_token("a", "secret");
  client.user = 1000;
  Access access({client});
  Caller by_token(access);
  by_token.set_peer_user(1, {1});
  CHECK(by_token.authenticate("secret"));
  CHECK(name_of(by_token) == "a");
  Caller by_user(access);
  by_user.set_peer_user(1000, {1000});
  CHECK(name_of(by_user) == "a");
}

TEST_CASE("Caller: credentials stay, the rights follow the configuration") {
  Access access({with_token("a", "secret")});
  Caller caller(access);
  CHECK(caller.authenticate("secret"));
  CHECK(name_of(caller) == "a");
  CHECK(caller.current());
  access.apply(access.prepare({with_token("b", "secret")}));
  CHECK_FALSE(caller.current());
  CHECK(name_of(caller) == "b");
  access.apply(access.prepare({with_token("c", "another")}));
  CHECK(name_of(caller) == "");
  CHECK_FALSE(caller.authenticate("secret"));
  access.apply(access.prepare({}));
  CHECK(name_of(caller) == "-");
  access.apply(access.prepare({with_token("a", "secret")}));
  CHECK(name_of(caller) == "a");
}

TEST_CASE("Caller: a token presented while there are no clients counts once there are") {
  Access access({});
  Caller caller(access);
  CHECK(caller.authenticate("secret"));
  access.apply(access.prepare({with_token("a", "secret")}));
  CHECK(name_of(caller) == "a");
}

TEST_CASE("Access: the use of a client's limits survives a reload") {
  auto client = with_token("a", "secret");
  client.rate = 1;
  client.burst = 1;
  Access access({client});
  Caller caller(access);
  CHECK(caller.authenticate("secret"));
  caller.resolve(kNow);
  const Grant& before = *caller.grant();
  CHECK(before.usage()->bucket.try_take(*before.rate(), kNow).count() == 0);
  client.burst = 2;
  access.apply(access.prepare({client}));
  const auto usage = before.usage();
  caller.resolve(kNow);
  CHECK(caller.grant()->usage() == usage);
}

TEST_CASE("Access: anonymous callers have limits by peer, an IPv6 network being one") {
  auto anonymous = named("anonymous");
  anonymous.rate = 1;
  Access access({anonymous});
  const auto usage_of = [&access](const std::string& address) {
    Credentials credentials;
    credentials.address = address;
    return access.resolve(credentials, kNow)->usage();
  };
  CHECK(usage_of("10.0.0.1") == usage_of("10.0.0.1"));
  CHECK(usage_of("10.0.0.1") != usage_of("10.0.0.2"));
  CHECK(usage_of("2001:db8:1:2::1") == usage_of("2001:db8:1:2:ffff::9"));
  CHECK(usage_of("2001:db8:1:2::1") != usage_of("2001:db8:1:3::1"));
  Credentials user;
  user.user = Credentials::User{1000, {}};
  CHECK(access.resolve(user, kNow)->usage() == access.resolve(user, kNow)->usage());
  CHECK(access.resolve(user, kNow)->usage() != usage_of(""));
  CHECK_FALSE(access.resolve(user, kNow)->authenticated());
}

TEST_CASE("Access: a malformed digest is refused") {
  auto client = named("a");
  client.token_sha256 = "abc";
  CHECK_THROWS_AS(Access({client}), std::invalid_argument);
}

}  // namespace
}  // namespace sluice::core
