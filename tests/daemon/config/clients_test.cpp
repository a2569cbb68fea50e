#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "daemon/config/reader.hpp"
#include "tests/daemon/config/parse_errors.hpp"

namespace sluice::daemon {
namespace {

using testing::contains;
using testing::error_of;
using testing::errors_of;

const std::string kDigest(64, 'a');

// An entry that has nothing wrong, and what is added to it.
std::string entry(const std::string& more = "", const std::string& name = "a") {
  return "[[client]]\nname = \"" + name + "\"\ntoken_sha256 = \"" + kDigest + "\"\n" + more + "\n";
}

TEST_CASE("Config clients: every key is read") {
  const LoadedConfig loaded = parse_config(R"([[client]]
name = "deploy"
token_sha256 = ")" + kDigest + R"("
user = 1000
group = 50
certificate = "CN=deploy"
methods = ["calc.*", "!calc.reset"]
rate = 0.5
burst = 7
max_in_flight = 64
subscribe = ["orders.*", "jobs"]
publish = ["*"]
[[client]]
name = "anonymous"
methods = []
rate = 3
)",
                                           "f.toml");
  REQUIRE(loaded.ok());
  REQUIRE(loaded.settings.clients.size() == 2);
  const core::ClientSettings& first = loaded.settings.clients[0];
  CHECK(first.name == "deploy");
  CHECK(first.token_sha256 == kDigest);
  CHECK(first.user == 1000);
  CHECK(first.group == 50);
  CHECK(first.certificate == "CN=deploy");
  CHECK(first.methods == std::vector<std::string>{"calc.*", "!calc.reset"});
  CHECK(first.rate == 0.5);
  CHECK(first.burst == 7);
  CHECK(first.max_in_flight == 64);
  CHECK(first.subscribe == std::vector<std::string>{"orders.*", "jobs"});
  CHECK(first.publish == std::vector<std::string>{"*"});
  const core::ClientSettings& second = loaded.settings.clients[1];
  CHECK(second.methods == std::vector<std::string>());
  CHECK(second.rate == 3);
  CHECK(second.burst == 0);
  CHECK(second.subscribe.empty());
  CHECK(second.publish.empty());
}

TEST_CASE("Config clients: users and groups are looked up by name") {
  const LoadedConfig loaded = parse_config(
      "[[client]]\nname = 'a'\nuser = 'root'\n[[client]]\nname = 'b'\ngroup = 'root'\n", "f.toml");
  REQUIRE(loaded.ok());
  CHECK(loaded.settings.clients[0].user == 0);
  CHECK(loaded.settings.clients[1].group == 0);
  CHECK(
      contains(error_of("[[client]]\nname = 'a'\nuser = 'no such user'"),
               "f.toml:3:8: client.user = \"no such user\" is not allowed; it takes the name of a user that "
               "this machine knows, or the user's number"));
  CHECK(contains(error_of("[[client]]\nname = 'a'\ngroup = -1"), "f.toml:3:9: client.group"));
}

TEST_CASE("Config clients: values without sense are refused") {
  for (const std::string line : {"methods = 'calc.*'",
                                 "methods = [1]",
                                 "methods = ['a*b']",
                                 "methods = ['']",
                                 "rate = 0",
                                 "rate = -1",
                                 "rate = nan",
                                 "rate = inf",
                                 "rate = 1e9",
                                 "rate = '100'",
                                 "rate = 1\nburst = 0",
                                 "max_in_flight = 0",
                                 "certificate = ''",
                                 "certificate = 'deploy'",
                                 "certificate = '/CN=deploy'",
                                 "certificate = 'CN=a, O=b'",
                                 "certificate = '=a'",
                                 "certificate = 'CN=a,'",
                                 "certificate = 'CN=a '",
                                 "certificate = 'CN=\"a\"'",
                                 "certificate = 'FOO=a'",
                                 "user = 4294967295"}) {
    CAPTURE(line);
    CHECK(contains(error_of(entry(line)), " is not allowed; it takes "));
  }
  for (const std::string name : {"", "two words", "a=b", "\xC3\xA9"}) {
    CAPTURE(name);
    CHECK(contains(error_of(entry("", name)), "f.toml:2:8: client.name"));
  }
}

TEST_CASE("Config clients: subjects of certificates are taken as they are printed") {
  for (const std::string subject : {"CN=deploy", "CN=deploy,O=Example\\, Ltd.,C=DE", "OU=a+CN=b",
                                    "1.2.3=#0401", "CN=", "emailAddress=a@b.example"}) {
    CAPTURE(subject);
    CHECK(errors_of(entry("certificate = '" + subject + "'")).empty());
  }
}

TEST_CASE("Config clients: one subject in two spellings cannot belong to two clients") {
  const std::string both =
      "[[client]]\nname = 'a'\ncertificate = 'CN=a'\n[[client]]\nname = 'b'\ncertificate = '";
  CHECK(contains(error_of(both + "cn=\\61'"), "client.certificate is the same as client a's"));
  CHECK(errors_of(both + "CN=A'").empty());
}

TEST_CASE("Config clients: a value that may be a token is never shown") {
  CHECK(error_of("[[client]]\nname = 'a'\ntoken_sha256 = 'secret'") ==
        "f.toml:3:16: client.token_sha256 is not allowed; it takes the SHA-256 of a token as 64 hexadecimal "
        "digits, which `sluice token` prints");
  const std::string plain = error_of("[[client]]\nname = 'a'\ntoken = 'secret'");
  CHECK(plain.starts_with("f.toml:3:1: client.token would keep the token itself"));
  CHECK(contains(plain, "token_sha256"));
  CHECK_FALSE(contains(plain, "secret"));
}

TEST_CASE("Config clients: each has a unique name and a credential") {
  CHECK(error_of("[[client]]\nuser = 1") ==
        "f.toml:1:1: client.name is missing; each client has one of its own");
  CHECK(contains(error_of("[[client]]\nname = 'a'"), "f.toml:1:1: client a has no credentials"));
  CHECK(contains(error_of(entry() + "[[client]]\nname = 'a'\nuser = 1"),
                 "f.toml:6:8: client.name is the same as client a's"));
  CHECK(contains(error_of("client = []"), "client is empty"));
  CHECK(contains(error_of("[client]\nname = 'a'"), "each client is a table of its own under [[client]]"));
}

TEST_CASE("Config clients: no credential belongs to two clients") {
  std::string digest = kDigest;
  digest[0] = 'A';
  CHECK(contains(error_of(entry() + "[[client]]\nname = 'b'\ntoken_sha256 = '" + digest + "'"),
                 "f.toml:7:16: client.token_sha256 is the same as client a's"));
  for (const std::string credential : {"user = 7", "group = 7", "certificate = 'CN=x'"}) {
    CAPTURE(credential);
    CHECK(contains(
        error_of("[[client]]\nname = 'a'\n" + credential + "\n[[client]]\nname = 'b'\n" + credential),
        " is the same as client a's"));
  }
}

TEST_CASE("Config clients: a credential may be shared with a client that has no name yet") {
  CHECK(contains(errors_of("[[client]]\nuser = 7\n" + entry("user = 7")).back(),
                 "client.user is the same as another client's"));
}

TEST_CASE("Config clients: anonymous has no credentials") {
  CHECK(errors_of("[[client]]\nname = 'anonymous'").empty());
  CHECK(contains(error_of("[[client]]\nname = 'anonymous'\nuser = 1"),
                 "f.toml:3:8: client.user is not for \"anonymous\""));
}

TEST_CASE("Config clients: contradictory limits and methods are refused") {
  CHECK(
      contains(error_of(entry("burst = 5")), "f.toml:4:9: client.burst has no meaning without client.rate"));
  CHECK(
      contains(error_of(entry("methods = ['!calc.reset']")), "f.toml:4:11: client.methods excludes methods"));
}

TEST_CASE("Config clients: with clients a listener may be reached by other machines") {
  const std::string listen = "[[listen]]\naddress = 'tcp://0.0.0.0:7070'\n";
  CHECK(contains(error_of(listen), "add [[client]] entries that say who may call what"));
  CHECK(errors_of(listen + entry()).empty());
}

std::vector<std::string> warnings_of(std::string_view text) {
  const LoadedConfig loaded = parse_config(text, "f.toml");
  CHECK(loaded.ok());
  std::vector<std::string> lines;
  for (const ConfigError& warning : loaded.warnings) lines.push_back(warning.warning_text());
  return lines;
}

TEST_CASE("Config clients: a credential that no listener can ask for is a warning at its position") {
  const std::string unix_listener = "[[listen]]\naddress = 'unix:///x'\n";
  const std::string tls =
      "[[listen]]\naddress = 'tcp://127.0.0.1:1'\n[listen.tls]\ncertificate = 'c'\nkey = 'k'\n";
  for (const std::string key : {"user", "group"}) {
    CAPTURE(key);
    const std::string client = "[[client]]\nname = 'a'\n" + key + " = 0\n";
    CHECK(warnings_of(client) ==
          std::vector<std::string>{"f.toml:3:" + std::to_string(key.size() + 4) + ": warning: client." + key +
                                   " can't match: no listener has a unix:// address"});
    CHECK(warnings_of(client + unix_listener).empty());
  }
  const std::string client = "[[client]]\nname = 'a'\ncertificate = 'CN=a'\n";
  CHECK(contains(warnings_of(client + unix_listener + tls).front(), "no listener has tls with client_ca"));
  CHECK(warnings_of(client + tls + "client_ca = 'a'\n").empty());
}

TEST_CASE("Config: CPUs that do not exist are a warning") {
  CHECK(contains(warnings_of("[server]\nworker_cpus = \"1023\"\n").front(),
                 "f.toml:2:15: warning: server.worker_cpus"));
  CHECK(warnings_of("[server]\nworker_cpus = \"0-1023\"\n").empty());
}

TEST_CASE("Config: too little memory for one message is a warning") {
  const auto with = [](const std::string& memory) {
    return warnings_of("[server]\nmax_message = \"4MiB\"\nmax_memory = " + memory + "\n");
  };
  CHECK(contains(with("\"1MiB\"").front(), "f.toml:3:14: warning: server.max_memory is less than"));
  CHECK(with("\"4MiB\"").empty());
  CHECK(with("0").empty());
}

TEST_CASE("Config clients: an anonymous client that may call everything from everywhere is a warning") {
  const auto with = [](const std::string& address, const std::string& more) {
    return warnings_of("[[client]]\nname = \"anonymous\"\n" + more + "\n[[listen]]\naddress = \"" + address +
                       "\"\n");
  };
  const auto warned = with("tcp://0.0.0.0:1", "rate = 5");
  REQUIRE(warned.size() == 1);
  CHECK(warned.front().starts_with(
      "f.toml:1:1: warning: client anonymous has no methods: every client that reaches "));
  CHECK(contains(warned.front(), "tcp://0.0.0.0:1"));
  CHECK(with("tcp://0.0.0.0:1", "methods = [\"*\"]").empty());
  CHECK(with("tcp://127.0.0.1:1", "").empty());
  CHECK(with("unix:///x", "").empty());
  CHECK(warnings_of(entry() + "[[listen]]\naddress = \"tcp://0.0.0.0:1\"\n").empty());
}

TEST_CASE("Config: an admin address that other machines reach is a warning") {
  const auto warned = warnings_of("[admin]\naddress = \"tcp://0.0.0.0:1\"\n");
  REQUIRE(warned.size() == 1);
  CHECK(
      warned.front().starts_with("f.toml:2:11: warning: admin.address = \"tcp://0.0.0.0:1\" can be reached"));
  for (const char* address : {"tcp://127.0.0.1:1", "tcp://[::1]:1", ""}) {
    CHECK(warnings_of("[admin]\naddress = \"" + std::string(address) + "\"\n").empty());
  }
}

}  // namespace
}  // namespace sluice::daemon
