// [[backend]] and what belongs to it, and [admission].
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "daemon/config/reader.hpp"

namespace sluice::daemon::testing {
namespace {

using core::milliseconds;
using core::Priority;
using core::seconds;

core::Settings good(const std::string& text) {
  const LoadedConfig loaded = parse_config(text, "/etc/f.toml");
  for (const ConfigError& error : loaded.errors) MESSAGE(error.text());
  REQUIRE(loaded.ok());
  return loaded.settings;
}

// The only error's message, without its location.
std::string bad(const std::string& text) {
  const LoadedConfig loaded = parse_config(text, "f.toml");
  REQUIRE(loaded.errors.size() == 1);
  return loaded.errors.front().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const std::string kChild = "[[backend]]\nname = \"c\"\ncommand = [\"x\"]\n";
const std::string kUpstream = "[[backend]]\nname = \"u\"\nurl = \"http://h:1\"\n";

// The messages of what is valid and has no effect.
std::vector<std::string> doubts(const std::string& text) {
  const LoadedConfig loaded = parse_config(text, "f.toml");
  CHECK(loaded.ok());
  std::vector<std::string> messages;
  for (const ConfigError& warning : loaded.warnings) messages.push_back(warning.message);
  return messages;
}

TEST_CASE("Config: the wrong element of an array of methods or URLs is named") {
  CHECK(contains(bad(kChild + "methods = [\"a*b\"]"),
                 "backend.methods = an array with \"a*b\" is not allowed"));
  CHECK(contains(bad(kChild + "methods = [\"a\", \"b*c\"]"), "an array with \"b*c\""));
  CHECK(contains(bad("[[backend]]\nname = \"u\"\nmethods = [\"a\"]\nurl = [\"http://h:1\", \"htp://x\"]\n"),
                 "an array with \"htp://x\""));
}

TEST_CASE("Config: retries of no method, and a prefix of no method, are warnings") {
  const std::string upstream = kUpstream + "methods = [\"up.*\", \"one\"]\n";
  CHECK(doubts(upstream + "retry = { attempts = 3 }") ==
        std::vector<std::string>{"backend.retry has no methods, so that no call is made again"});
  CHECK(doubts(upstream + "retry = { attempts = 3, methods = [\"up.*\"] }").empty());
  CHECK(doubts(upstream + "strip_prefix = \"upp.\"") ==
        std::vector<std::string>{"no method of backend.methods begins with backend.strip_prefix"});
  for (const char* prefix : {"up.", "u", "up.more.", "one"}) {
    CAPTURE(prefix);
    CHECK(doubts(upstream + "strip_prefix = \"" + prefix + "\"").empty());
  }
  CHECK(doubts(kUpstream + "methods = \"discover\"\nstrip_prefix = \"x.\"").empty());
}

TEST_CASE("Config: retries and hedges of methods that the backend does not have are warnings") {
  const std::string upstream = kUpstream + "methods = [\"up.*\", \"one\"]\n";
  for (const char* pattern : {"up.get", "up.*", "u*", "*", "one", "!two"}) {
    CAPTURE(pattern);
    CHECK(doubts(upstream + "hedge = [\"" + pattern + "\"]").empty());
  }
  for (const char* pattern : {"onex", "on", "two.*", "uq*", "up"}) {
    CAPTURE(pattern);
    CHECK(doubts(upstream + "hedge = [\"" + pattern + "\"]") ==
          std::vector<std::string>{std::string("backend.hedge has \"") + pattern +
                                   "\", which no method of backend.methods matches"});
  }
  CHECK(doubts(upstream + "retry = { attempts = 3, methods = [\"two\"] }") ==
        std::vector<std::string>{
            "backend.retry.methods has \"two\", which no method of backend.methods matches"});
  CHECK(doubts(kUpstream + "methods = \"discover\"\nhedge = [\"x\"]").empty());
}

TEST_CASE("Config: a child has defaults, and every key is read") {
  const auto plain = good(kChild + "methods = [\"c.*\", \"d\"]").backends.at(0);
  CHECK(plain.methods == std::vector<std::string>{"c.*", "d"});
  REQUIRE(plain.child);
  CHECK_FALSE(plain.upstream);
  CHECK(plain.child->instances == 1);
  CHECK(plain.child->concurrency == 1);
  CHECK_FALSE(plain.child->lazy);
  CHECK_FALSE(plain.child->watch);
  CHECK(plain.breaker == core::BreakerSettings{5, seconds(10), seconds(5), milliseconds(0)});

  const auto full = good(kChild + R"(methods = "discover"
instances = 2
concurrency = 3
queue = 4
kill_after = "5s"
env = { A = "b" }
working_directory = "w"
user = "u"
env_clear = true
watch = true
dialect = "lsp"
memory_limit = "1GiB"
cpu_limit = "1500ms"
breaker = { failures = 6, window = "7s", open = "8s", slow = "9s" }
)")
                        .backends.at(0);
  CHECK(full.discover);
  CHECK(full.queue == 4);
  CHECK(full.breaker == core::BreakerSettings{6, seconds(7), seconds(8), seconds(9)});
  const core::ChildSettings& child = *full.child;
  CHECK(child.instances == 2);
  CHECK(child.concurrency == 3);
  CHECK(child.kill_after == seconds(5));
  CHECK(child.environment.at("A") == "b");
  CHECK(child.directory == "/etc/w");
  CHECK(child.user == "u");
  CHECK(child.environment_cleared);
  CHECK(child.watch);
  CHECK(full.dialect == core::Dialect::lsp);
  CHECK(child.memory_bytes_max == 1u << 30);
  CHECK(child.cpu_time_max == seconds(2));
}

TEST_CASE("Config errors: another name of one of the server's own methods is not a backend's method") {
  for (const std::string alias : {"rpc_subscribe", "rpc_unsubscribe"}) {
    CHECK(contains(bad(kChild + "methods = [\"" + alias + "\"]"), "another name of the server's own rpc."));
  }
}

TEST_CASE("Config: an upstream has defaults, and every key is read") {
  const auto plain = good(kUpstream + "methods = [\"u.*\"]").backends.at(0);
  REQUIRE(plain.upstream);
  CHECK_FALSE(plain.child);
  CHECK(plain.upstream->concurrency == 64);
  CHECK(plain.upstream->retry.attempts == 1);

  const auto full = good(R"([[backend]]
name = "u"
url = ["https://a:1", "http://b", "wss://c"]
methods = ["u.*"]
strip_prefix = "u."
connections = 2
concurrency = 3
connect_timeout = "4s"
idle_timeout = "5s"
probe_interval = "6s"
hedge = ["u.get*"]
dialect = "sluice"
headers = { X-Key = "k", X-Token = { file = "node.token" } }
user = "caller"
password_file = "secret"
retry = { attempts = 3, backoff = "7ms", methods = ["u.get*"] }
)")
                        .backends.at(0);
  const core::UpstreamSettings& upstream = *full.upstream;
  CHECK(upstream.urls.size() == 3);
  CHECK(upstream.strip_prefix == "u.");
  CHECK(upstream.connections == 2);
  CHECK(upstream.concurrency == 3);
  CHECK(upstream.connect_timeout == seconds(4));
  CHECK(upstream.idle_timeout == seconds(5));
  CHECK(upstream.probe_interval == seconds(6));
  CHECK(full.dialect == core::Dialect::sluice);
  CHECK(upstream.headers.at("X-Key") == core::HeaderValue{"k", ""});
  CHECK(upstream.headers.at("X-Token") == core::HeaderValue{"", "/etc/node.token"});
  CHECK(upstream.user == "caller");
  CHECK(upstream.password_file == "/etc/secret");
  CHECK(upstream.hedge == std::vector<std::string>{"u.get*"});
  CHECK(upstream.retry == core::RetrySettings{3, milliseconds(7), {"u.get*"}});
}

TEST_CASE("Config errors: invalid backends") {
  const std::string methods = "methods = [\"m\"]\n";
  CHECK(contains(bad("[[backend]]\ncommand = [\"x\"]\n" + methods), "backend.name is missing"));
  CHECK(contains(bad("[[backend]]\nname = \"n\"\n" + methods), "what serves it is missing"));
  CHECK(contains(bad(kChild), "backend.methods is missing"));
  CHECK(contains(bad(kChild + methods + "url = \"http://h\""), "are both set; use one backend for each"));
  CHECK(contains(bad(kChild + methods + "strip_prefix = \"x\""), "has no meaning for child processes"));
  CHECK(contains(bad(kUpstream + methods + "instances = 2"), "has no meaning for an upstream"));
  CHECK(contains(bad("[[backend]]\nname = \"m\"\nmodule = \"m.so\"\nqueue = 1"),
                 "no meaning for a C++ module"));
  CHECK(contains(bad("[[backend]]\nname = \"m\"\nmodule = \"m.so\"\n" + methods), "which has its own"));
  const std::string reserved = bad(kChild + "methods = [\"rpc.x\"]");
  CHECK(contains(reserved, "the server's own"));
  CHECK_FALSE(contains(reserved, "excluded"));
  CHECK(contains(bad(kChild + "methods = [\"!x\"]"), "nothing can be excluded here; [[client]] methods can"));
  CHECK(contains(bad(kChild + "methods = \"find\""), "or \"discover\""));
  CHECK(contains(bad(kChild + "methods = \"discover\"\nstart = \"lazy\""), "does not start"));
  CHECK(contains(bad(kUpstream.substr(0, 23) + "url = \"ftp://h\"\n" + methods), "http://"));
  CHECK(contains(bad(kUpstream.substr(0, 23) + "url = \"http://me:word@h\"\n" + methods),
                 "user and password are keys of their own"));
  CHECK(contains(bad(kChild + methods + "env = { A = 1 }"), "backend.env.A takes a string"));
  CHECK(contains(bad(kChild + methods + "breaker = { failure = 1 }"), "did you mean failures?"));
}

TEST_CASE("Config errors: backends that conflict") {
  CHECK(contains(bad(kChild + "methods = [\"a\"]\n" + kChild + "methods = [\"b\"]"),
                 "is the name of another backend already"));
  CHECK(contains(bad(kChild + "methods = [\"a.*\"]\n" + kUpstream + "methods = [\"a.*\"]"),
                 "method of backend c already"));
}

TEST_CASE("Config: admission, priorities and the pool") {
  const core::Settings settings = good(R"([server]
workers = 2
max_workers = 8
worker_cpus = "0-2,5"
[admission]
adaptive = true
min_limit = 3
[method."a"]
priority = "low"
[method."b"]
priority = "high"
[method."c"]
timeout = "1s"
)");
  CHECK(settings.workers_max == 8);
  CHECK(settings.worker_cpus == std::vector<std::size_t>{0, 1, 2, 5});
  CHECK(settings.admission.adaptive);
  CHECK(settings.admission.limit_min == 3);
  CHECK(settings.methods.at("a").priority == Priority::low);
  CHECK(settings.methods.at("b").priority == Priority::high);
  CHECK_FALSE(settings.methods.at("c").priority);
  for (const char* cpus : {"", "x", "3-1", "0,", "0-", "-1", "5000"}) {
    CAPTURE(cpus);
    CHECK(contains(bad("[server]\nworker_cpus = \"" + std::string(cpus) + "\""), "CPUs by their numbers"));
  }
  CHECK(contains(bad("[method.\"a\"]\npriority = \"urgent\""), "one of \"low\""));
}

}  // namespace
}  // namespace sluice::daemon::testing
