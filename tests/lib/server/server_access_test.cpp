// Access to a server that a program embeds.
#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include "lib/base/descriptor.hpp"
#include "lib/include/sluice/server.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/test_server.hpp"
#include "tests/support/tls_files.hpp"

namespace sluice {
namespace {

using testing::code_of;
using testing::RawClient;
using testing::reason_of;
using testing::TlsClient;
using testing::TlsFiles;

// Of the token "abc".
constexpr const char* kDigest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct Embedded {
  explicit Embedded(std::vector<ListenOptions> listen, std::vector<ClientOptions> clients)
      : server({.listen = std::move(listen),
                .clients = std::move(clients),
                .log_level = "error",
                .io_threads = 1,
                .workers = 1}) {
    for (const char* name : {"calc.add", "calc.reset"}) {
      server.add(name, {"a", "b"}, [](int a, int b) { return a + b; }, {.inline_io = true});
    }
    server.start();
  }
  RawClient connect() const { return RawClient(server.addresses().front()); }

  Server server;
};

Json add(RawClient& client) { return client.call("calc.add", "[1,2]"); }

// The problem of the options; empty: valid.
std::string problem(std::vector<ListenOptions> listen, std::vector<ClientOptions> clients = {}) {
  try {
    const Server server(
        {.listen = std::move(listen), .clients = std::move(clients), .log_level = "error", .workers = 1});
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

std::string client_problem(ClientOptions client) { return problem({}, {std::move(client)}); }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("Server: with clients an unauthenticated caller is refused, and one with a token is served") {
  const Embedded embedded({"tcp://127.0.0.1:0"}, {{.name = "deploy", .token_sha256 = kDigest}});
  RawClient client = embedded.connect();
  CHECK(reason_of(add(client)) == "unauthenticated");
  CHECK(code_of(client.call("rpc.authenticate", R"({"token":"abd"})")) == -32016);
  CHECK(client.call("rpc.authenticate", R"({"token":"abc"})").at("result") == true);
  CHECK(add(client).at("result") == 3);
}

TEST_CASE("Server: clients may call what their patterns allow, and so may unauthenticated callers") {
  const Embedded embedded({"tcp://127.0.0.1:0"},
                          {{.name = "anonymous", .methods = {{"calc.*", "!calc.reset"}}}});
  RawClient client = embedded.connect();
  CHECK(add(client).at("result") == 3);
  CHECK(code_of(client.call("calc.reset", "[1,2]")) == -32016);
}

TEST_CASE("Server: a wait of less than a millisecond is never reported as zero") {
  const Embedded embedded({"tcp://127.0.0.1:0"}, {{.name = "anonymous", .rate = 5000, .burst = 1}});
  RawClient client = embedded.connect();
  std::string batch;
  for (int i = 0; i < 20; ++i) {
    batch += batch.empty() ? "[" : ",";
    batch += R"({"jsonrpc":"2.0","id":)" + std::to_string(i) + R"(,"method":"calc.add","params":[1,2]})";
  }
  client.send(batch + "]");
  int refused = 0;
  for (const Json& reply : client.reply()) {
    if (!reply.contains("error")) continue;
    ++refused;
    CHECK(reason_of(reply) == "rate_limited");
    CHECK(reply["error"]["data"]["retry_after_ms"].get<int>() >= 1);
  }
  CHECK(refused > 0);
}

TEST_CASE("Server: a client's own rate is kept") {
  const Embedded embedded({"tcp://127.0.0.1:0"}, {{.name = "anonymous", .rate = 0.001, .burst = 2}});
  RawClient client = embedded.connect();
  CHECK(add(client).at("result") == 3);
  CHECK(add(client).at("result") == 3);
  CHECK(reason_of(add(client)) == "rate_limited");
}

TEST_CASE("Server: a Unix socket's peer is identified by its user, and its file has the configured mode") {
  testing::TemporaryFolder folder;
  ListenOptions listen("unix://" + folder.file("s.sock"));
  listen.mode = 0600;
  const Embedded embedded({listen}, {{.name = "me", .user = ::getuid()}});
  RawClient client = embedded.connect();
  CHECK(add(client).at("result") == 3);
  const auto mode = std::filesystem::status(folder.file("s.sock")).permissions();
  CHECK((mode & std::filesystem::perms::mask) == std::filesystem::perms(0600));
}

TEST_CASE("Server: with TLS a client is identified by the subject of its certificate") {
  TlsFiles files;
  files.issue("server", "localhost");
  files.issue("deploy", "deploy");
  const Embedded embedded({{"tcp://127.0.0.1:0",
                            {.certificate = files.path("server.pem"),
                             .key = files.path("server.key"),
                             .client_ca = files.path("authority.pem")}}},
                          {{.name = "deploy", .certificate = "CN=deploy,O=Example"}});
  const std::string call = testing::request("1", "calc.add", "[1,2]");
  const auto answer = [&](const std::string& certificate, const std::string& key) {
    const std::string address = embedded.server.addresses().front();
    const core::Descriptor socket(testing::detail::open_tcp(address.substr(address.find("//") + 2), 0));
    TlsClient client(socket.get(), certificate, key);
    REQUIRE(client.handshake());
    REQUIRE(client.write(call));
    return Json::parse(client.read(1000));
  };
  CHECK(answer(files.path("deploy.pem"), files.path("deploy.key")).at("result") == 3);
  CHECK(reason_of(answer("", "")) == "unauthenticated");
  RawClient plain = embedded.connect();
  CHECK(code_of(add(plain)) == -32016);
}

TEST_CASE("Server: a browser's page may call from the origins that are allowed, on the path that was given") {
  ListenOptions listen("tcp://127.0.0.1:0");
  listen.http_path = "/rpc";
  listen.allowed_origins = {"https://app.example"};
  listen.allowed_hosts = {"calc.example"};
  const Embedded embedded({listen}, {});
  const auto status = [&](const std::string& path, const std::string& origin, const std::string& host) {
    RawClient client = embedded.connect();
    client.send("POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nOrigin: " + origin +
                "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
    return client.line().substr(0, std::string("HTTP/1.1 200").size());
  };
  CHECK(status("/rpc", "https://app.example", "calc.example") == "HTTP/1.1 200");
  CHECK(status("/rpc", "https://other.example", "calc.example") == "HTTP/1.1 403");
  CHECK(status("/rpc", "https://app.example", "other.example") == "HTTP/1.1 403");
  CHECK(status("/", "https://app.example", "calc.example") == "HTTP/1.1 404");
}

TEST_CASE("Server: with clients an address that others can reach needs no `insecure`") {
  CHECK(contains(problem({"tcp://0.0.0.0:0"}), "say who may call with clients, or insecure = true"));
  CHECK(problem({"tcp://0.0.0.0:0"}, {{.name = "a", .user = 1}}).empty());
  ListenOptions listen("tcp://0.0.0.0:0");
  listen.insecure = true;
  CHECK(problem({listen}).empty());
  CHECK(contains(problem({listen, "tcp://[::]:0"}), "tcp://[::]:0 can be reached"));
}

TEST_CASE("Server: others reach a loopback address through a proxy") {
  ListenOptions listen("tcp://127.0.0.1:0");
  listen.proxy_protocol = true;
  CHECK(contains(problem({listen}), "tcp://127.0.0.1:0 can be reached"));
  CHECK(problem({listen}, {{.name = "a", .user = 1}}).empty());
  listen.insecure = true;
  CHECK(problem({listen}).empty());
}

TEST_CASE("Server: invalid clients are refused, and the error says what is allowed") {
  CHECK(contains(client_problem({.user = 1}), "client.name is missing"));
  CHECK(contains(client_problem({.name = "a"}), "client a has no credentials"));
  CHECK(contains(client_problem({.name = "two words", .user = 1}), "name is not allowed; it takes 1 to 64"));
  CHECK(contains(client_problem({.name = "anonymous", .user = 1}), "client.user is not for \"anonymous\""));
  CHECK(
      contains(problem({}, {{.name = "a", .user = 1}, {.name = "a", .user = 2}}), "the same as client a's"));
  CHECK(
      contains(problem({}, {{.name = "a", .user = 1}, {.name = "b", .user = 1}}), "the same as client a's"));
  CHECK(contains(client_problem({.name = "a", .user = 1, .burst = 2}), "no meaning without client.rate"));
  CHECK(contains(client_problem({.name = "a", .user = 1, .methods = {{"a*b"}}}), "client a: methods"));
  CHECK(contains(client_problem({.name = "a", .user = 1, .methods = {{"!b"}}}), "allows none"));
  for (const double rate : {-1.0, 1e-4, 1e7, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(contains(client_problem({.name = "a", .user = 1, .rate = rate}), "client a: rate"));
  }
  CHECK(contains(client_problem({.name = "a", .user = 4294967295}), "client a: user or group"));
  const std::string plain = client_problem({.name = "a", .token_sha256 = "secret"});
  CHECK(contains(plain, "64 hexadecimal digits"));
  CHECK_FALSE(contains(plain, "secret"));
}

TEST_CASE("Server: invalid listeners are refused, and named") {
  const TlsOptions tls{.certificate = "c.pem", .key = "k.pem"};
  const auto with = [](TlsOptions options) { return problem({{"tcp://127.0.0.1:1", std::move(options)}}); };
  CHECK(problem({{"tcp://127.0.0.1:1", tls}}).empty());
  CHECK(contains(problem({{"unix:///tmp/none", tls}}), "unix:///tmp/none: tls is not served on a unix://"));
  CHECK(with({.certificate = "c.pem"}) == "tcp://127.0.0.1:1: tls takes a certificate and its key");
  CHECK(contains(with({.certificate = "c", .key = "k", .require_client_certificate = true}),
                 "takes a client_ca"));
  ListenOptions listen("tcp://127.0.0.1:1");
  listen.http_path = "rpc";
  CHECK(contains(problem({listen}), "http_path is not allowed; it takes a path"));
  listen.http_path = "/";
  listen.allowed_origins = {"https://app.example/"};
  CHECK(contains(problem({listen}), "allowed_origins is not allowed"));
}

TEST_CASE("Server: a certificate that can't be read keeps it from starting, and is named") {
  ServerOptions options{
      .listen = {{"tcp://127.0.0.1:0", {.certificate = "/nonexistent.pem", .key = "/none.key"}}},
      .log_level = "error",
      .workers = 1};
  Server server(options);
  try {
    server.start();
    FAIL("started");
  } catch (const std::invalid_argument& refusal) {
    CHECK(contains(refusal.what(), "tcp://127.0.0.1:0: certificate = \"/nonexistent.pem\""));
  }
  CHECK(Server(options).run() == 1);
}

}  // namespace
}  // namespace sluice
