#include "lib/transport/tls/channel.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include <sys/socket.h>

#include "lib/base/descriptor.hpp"
#include "lib/transport/byte_stream.hpp"
#include "tests/support/tls_files.hpp"

namespace sluice::core {
namespace {

using testing::TlsClient;
using testing::TlsFiles;
using Status = TlsChannel::Status;

constexpr std::size_t kBufferBytes = 64 * 1024;

struct Pair {
  Pair() {
    std::array<int, 2> sockets{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets.data()) == 0);
    server = Descriptor(sockets[0]);
    client = Descriptor(sockets[1]);
  }
  Descriptor server, client;
};

std::shared_ptr<const TlsContext> context(const TlsFiles& files, bool ask = false, bool optional = false) {
  TlsSettings settings;
  settings.certificate = files.path("server.pem");
  settings.key = files.path("server.key");
  if (ask) settings.client_ca = files.path("authority.pem");
  settings.optional = optional;
  auto loaded = TlsContext::load(settings);
  REQUIRE(loaded);
  return loaded.value();
}

struct TlsTest {
  TlsTest() { files.issue("server", "localhost"); }

  // Whether both ends came to agree.
  bool shake_hands(TlsChannel& server, TlsClient& client) {
    for (int step = 0; step < 10 && !server.failed(); ++step) {
      client.handshake();
      server.read(buffer.data(), 0 + buffer.size());
      if (server.established() && client.handshake()) return true;
    }
    return false;
  }

  TlsFiles files;
  Pair sockets;
  std::string buffer = std::string(kBufferBytes, '\0');
};

TEST_CASE_FIXTURE(TlsTest, "TlsChannel: bytes written at one end are read at the other") {
  TlsChannel server(*context(files), sockets.server.get());
  TlsClient client(sockets.client.get());
  REQUIRE(shake_hands(server, client));
  CHECK_FALSE(server.peer_certificate());
  client.write("hello");
  const auto got = server.read(buffer.data(), buffer.size());
  CHECK(got.status == Status::ok);
  CHECK(buffer.substr(0, got.bytes) == "hello");
  CHECK_FALSE(server.buffered());
  CHECK(server.read(buffer.data(), buffer.size()).status == Status::wants_input);
  CHECK(server.write("there").bytes == 5);
  CHECK(client.read(100) == "there");
}

TEST_CASE_FIXTURE(TlsTest, "TlsChannel: decrypted bytes that were not read are known") {
  TlsChannel server(*context(files), sockets.server.get());
  TlsClient client(sockets.client.get());
  REQUIRE(shake_hands(server, client));
  client.write("hello");
  CHECK(server.read(buffer.data(), 2).bytes == 2);
  CHECK(server.buffered());
  CHECK(server.read(buffer.data(), 3).bytes == 3);
  CHECK_FALSE(server.buffered());
  CHECK(server.read(buffer.data(), 3).status == Status::wants_input);
}

TEST_CASE_FIXTURE(
    TlsTest, "TlsChannel: an end that came with the last bytes is reported next, and replies still leave") {
  TlsChannel server(*context(files), sockets.server.get());
  TlsClient client(sockets.client.get());
  REQUIRE(shake_hands(server, client));
  client.write("last");
  client.say_end();
  CHECK(server.read(buffer.data(), buffer.size()).bytes == 4);
  CHECK(server.buffered());
  CHECK(server.read(buffer.data(), buffer.size()).status == Status::end);
  CHECK(server.write("reply").status == Status::ok);
  CHECK(server.end_sending() == Status::ok);
  CHECK(client.read(100) == "reply");
  CHECK(client.read(100).empty());
  CHECK(client.end_said());
}

TEST_CASE_FIXTURE(TlsTest, "TlsChannel: an end without the client's word is a failure") {
  TlsChannel server(*context(files), sockets.server.get());
  TlsClient client(sockets.client.get());
  REQUIRE(shake_hands(server, client));
  client.write("cut");
  sockets.client = Descriptor();
  CHECK(server.read(buffer.data(), buffer.size()).bytes == 3);
  CHECK(server.read(buffer.data(), buffer.size()).status == Status::failed);
  CHECK(server.write("x").status == Status::failed);
  CHECK(server.end_sending() == Status::ok);
}

TEST_CASE_FIXTURE(TlsTest,
                  "TlsChannel: bytes that had no room leave once there is some, from another address") {
  TlsChannel server(*context(files), sockets.server.get());
  TlsClient client(sockets.client.get());
  REQUIRE(shake_hands(server, client));
  const std::string all(1 << 20, 'x');
  std::size_t sent = 0;
  std::size_t received = 0;
  while (sent < all.size()) {
    const std::string rest = all.substr(sent);  // elsewhere each time
    const auto written = server.write(rest);
    sent += written.bytes;
    if (written.status == Status::ok) continue;
    REQUIRE(written.status == Status::wants_room);
    received += client.read(kBufferBytes).size();
  }
  while (received < all.size()) received += client.read(kBufferBytes).size();
  CHECK(received == all.size());
}

TEST_CASE_FIXTURE(TlsTest, "TlsChannel: an end that has no room is said later, once") {
  TlsChannel server(*context(files), sockets.server.get());
  TlsClient client(sockets.client.get());
  REQUIRE(shake_hands(server, client));
  while (::send(sockets.server.get(), "", 1, MSG_DONTWAIT) == 1) continue;  // fills the system's buffer
  CHECK(server.end_sending() == Status::wants_room);
  CHECK(server.end_sending() == Status::wants_room);
  while (::recv(sockets.client.get(), buffer.data(), buffer.size(), 0) > 0) continue;
  CHECK(server.end_sending() == Status::ok);
  const auto said = ::recv(sockets.client.get(), buffer.data(), buffer.size(), 0);
  CHECK(said > 0);
  CHECK(server.end_sending() == Status::ok);
  CHECK(::recv(sockets.client.get(), buffer.data(), buffer.size(), 0) < 0);
}

TEST_CASE_FIXTURE(TlsTest, "TlsChannel: a verified certificate's subject is in the form of RFC 2253") {
  files.issue("client", "dep,loy");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Pair fresh;
    TlsChannel server(*context(files, true), fresh.server.get());
    TlsClient client(fresh.client.get(), files.path("client.pem"), files.path("client.key"), version);
    REQUIRE(shake_hands(server, client));
    CHECK(server.peer_certificate() == "CN=dep\\,loy,O=Example");
  }
}

TEST_CASE_FIXTURE(TlsTest, "TlsChannel: a certificate of another authority fails the handshake") {
  TlsFiles others;
  others.issue("client", "deploy");
  TlsChannel server(*context(files, true), sockets.server.get());
  TlsClient client(sockets.client.get(), others.path("client.pem"), others.path("client.key"));
  CHECK_FALSE(shake_hands(server, client));
  CHECK(server.failed());
  CHECK_FALSE(server.established());
  CHECK_FALSE(server.peer_certificate());
  client.write("as if all were well");
  CHECK(server.read(buffer.data(), buffer.size()).bytes == 0);  // dropped
}

TEST_CASE_FIXTURE(TlsTest,
                  "TlsChannel: a client that sends nothing but records without content is failed at the "
                  "first of too many") {
  TlsChannel server(*context(files), sockets.server.get());
  TlsClient client(sockets.client.get());
  REQUIRE(shake_hands(server, client));
  BIO* const collected = BIO_new(BIO_s_mem());
  SSL_set0_wbio(client.connection(), collected);
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(SSL_key_update(client.connection(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(client.connection()) == 1);
  }
  char* records = nullptr;
  const long size = BIO_get_mem_data(collected, &records);
  REQUIRE(::send(sockets.client.get(), records, static_cast<std::size_t>(size), 0) == size);
  CHECK(server.read(buffer.data(), 1).status == Status::failed);
  CHECK(server.flooded());
  // The rest was not even read.
  char byte = 0;
  CHECK(::recv(sockets.server.get(), &byte, 1, MSG_PEEK) == 1);
}

TEST_CASE_FIXTURE(TlsTest, "ByteStream: the first byte decides whether a stream is TLS") {
  const auto tls = context(files);
  SUBCASE("TLS") {
    ByteStream stream(std::move(sockets.server), true);
    stream.expect_tls(tls);
    CHECK(stream.securing());
    CHECK(stream.read(buffer.data(), buffer.size()).status == ByteStream::Status::would_block);
    TlsClient client(sockets.client.get());
    while (stream.securing()) {
      client.handshake();
      REQUIRE(stream.read(buffer.data(), buffer.size()).status == ByteStream::Status::would_block);
    }
    REQUIRE(client.handshake());
    client.write("x");
    CHECK(stream.read(buffer.data(), buffer.size()).bytes == 1);
    CHECK_FALSE(stream.must_refuse());
  }
  SUBCASE("plain text where TLS is a must") {
    ByteStream stream(std::move(sockets.server), true);
    stream.expect_tls(tls);
    REQUIRE(::send(sockets.client.get(), "{}", 2, 0) == 2);
    CHECK(stream.read(buffer.data(), buffer.size()).bytes == 2);
    CHECK(stream.must_refuse());
    CHECK_FALSE(stream.securing());
  }
  SUBCASE("plain text where TLS is optional") {
    ByteStream stream(std::move(sockets.server), true);
    stream.expect_tls(context(files, false, true));
    CHECK_FALSE(stream.securing());
    REQUIRE(::send(sockets.client.get(), "{}", 2, 0) == 2);
    CHECK(stream.read(buffer.data(), buffer.size()).bytes == 2);
    CHECK_FALSE(stream.must_refuse());
  }
}

TEST_CASE_FIXTURE(TlsTest,
                  "ByteStream: an end that has to be said is watched for until there is room for it") {
  struct Watcher final : Watched {
    void on_ready(std::uint32_t events) override { reported |= stream->readiness(events); }
    ByteStream* stream = nullptr;
    std::uint32_t reported = 0;
  } watcher;
  const int raw = sockets.server.get();
  ByteStream stream(std::move(sockets.server), true);
  watcher.stream = &stream;
  Poller poller;
  stream.expect_tls(context(files));
  stream.watch(poller, watcher);
  TlsClient client(sockets.client.get());
  while (stream.securing()) {
    client.handshake();
    stream.read(buffer.data(), buffer.size());
  }
  while (::send(raw, "", 1, MSG_DONTWAIT) == 1) continue;
  CHECK_FALSE(stream.say_end());
  stream.shutdown_send();
  CHECK(stream.ending());
  stream.watch_for(0);
  poller.dispatch();
  CHECK(stream.ending());
  while (::recv(sockets.client.get(), buffer.data(), buffer.size(), 0) > 0) continue;
  poller.dispatch();
  CHECK_FALSE(stream.ending());
  CHECK(::recv(sockets.client.get(), buffer.data(), buffer.size(), 0) > 0);
  CHECK(::recv(sockets.client.get(), buffer.data(), buffer.size(), 0) == 0);
  stream.close();
}

}  // namespace
}  // namespace sluice::core
