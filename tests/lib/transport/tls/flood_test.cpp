// Records that bring no data.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <sys/socket.h>

#include "lib/base/descriptor.hpp"
#include "lib/transport/tls/channel.hpp"
#include "tests/support/tls_files.hpp"

namespace sluice::core {
namespace {

using testing::TlsClient;
using testing::TlsFiles;
using Status = TlsChannel::Status;

struct TlsFloodTest {
  TlsFloodTest() {
    files.issue("server", "localhost");
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    server_socket = Descriptor(ends[0]);
    client_socket = Descriptor(ends[1]);
    TlsSettings settings;
    settings.certificate = files.path("server.pem");
    settings.key = files.path("server.key");
    auto loaded = TlsContext::load(settings);
    REQUIRE(loaded);
    context = loaded.value();
  }

  void shake_hands(TlsChannel& server, TlsClient& client) {
    for (int step = 0; step < 10 && !(server.established() && client.handshake()); ++step) {
      client.handshake();
      server.read(buffer.data(), buffer.size());
    }
    REQUIRE(server.established());
  }

  // One record that asks for new keys.
  static void renew_keys(TlsClient& client) {
    REQUIRE(SSL_key_update(client.connection(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(client.connection()) == 1);
  }

  TlsFiles files;
  Descriptor server_socket, client_socket;
  std::shared_ptr<const TlsContext> context;
  std::string buffer = std::string(64 * 1024, '\0');
};

TEST_CASE_FIXTURE(TlsFloodTest, "TlsChannel: new keys now and then are taken") {
  TlsChannel server(*context, server_socket.get());
  TlsClient client(client_socket.get());
  shake_hands(server, client);
  std::string data(16 * 1024, 'x');
  for (int times = 0; times < 100; ++times) {
    renew_keys(client);
    for (int records = 0; records < 4; ++records) {
      REQUIRE(client.write(data));
      REQUIRE(server.read(buffer.data(), buffer.size()).status == Status::ok);
    }
  }
  CHECK_FALSE(server.flooded());
}

TEST_CASE_FIXTURE(TlsFloodTest, "TlsChannel: a client that sends nothing but new keys is cut off") {
  TlsChannel server(*context, server_socket.get());
  TlsClient client(client_socket.get());
  shake_hands(server, client);
  for (int times = 0; times < 40; ++times) renew_keys(client);
  CHECK(server.read(buffer.data(), buffer.size()).status == Status::failed);
  CHECK(server.flooded());
}

TEST_CASE_FIXTURE(TlsFloodTest, "TlsChannel: bytes between new keys do not buy as many of them") {
  TlsChannel server(*context, server_socket.get());
  TlsClient client(client_socket.get());
  shake_hands(server, client);
  for (int times = 0; times < 100 && !server.failed(); ++times) {
    renew_keys(client);
    client.write(" ");
    server.read(buffer.data(), buffer.size());
  }
  CHECK(server.flooded());
}

TEST_CASE_FIXTURE(TlsFloodTest, "TlsChannel: one read takes in a bounded number of records") {
  TlsChannel server(*context, server_socket.get());
  TlsClient client(client_socket.get());
  shake_hands(server, client);
  for (int times = 0; times < 200; ++times) REQUIRE(client.write("x"));
  const auto got = server.read(buffer.data(), buffer.size());
  CHECK(got.status == Status::ok);
  CHECK(got.bytes < 100);
  std::size_t all = got.bytes;
  while (all < 200) {
    const auto more = server.read(buffer.data(), buffer.size());
    REQUIRE(more.status == Status::ok);
    all += more.bytes;
  }
  CHECK(all == 200);
}

}  // namespace
}  // namespace sluice::core
