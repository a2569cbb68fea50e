#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/file.hpp"
#include "daemon/config/reader.hpp"
#include "daemon/config/schema.hpp"
#include "tests/daemon/config/parse_errors.hpp"

namespace sluice::daemon {
namespace {

using testing::contains;
using testing::error_of;
using testing::errors_of;

TEST_CASE("Config errors: the error for a wrong value has its position, the value and what is allowed") {
  CHECK(error_of("[server]\nmax_message = \"4 MB\"\n") ==
        "f.toml:2:15: server.max_message = \"4 MB\" is not allowed; it takes a size such as \"4MiB\" "
        "(B, KiB, MiB, GiB; a bare integer is bytes) from 1B to 1GiB");
  CHECK(error_of("[server]\n  call_timeout = 30\n") ==
        "f.toml:2:18: server.call_timeout = 30 is not allowed; it takes a duration such as \"250ms\" "
        "(us, ms, s, m, h) from 1ms to 8760h");
  CHECK(
      error_of("log.level = \"warning\"") ==
      "f.toml:1:13: log.level = \"warning\" is not allowed; it takes one of \"trace\", \"debug\", \"info\", "
      "\"warn\", \"error\"");
}

TEST_CASE("Config errors: the user in a URL is not shown") {
  const std::string error = error_of("[[listen]]\naddress = \"http://user:secret@[::1]:80/\"\n");
  CHECK(error.find("\"http://...@[::1]:80/\"") != std::string::npos);
  CHECK(error.find("secret") == std::string::npos);
}

TEST_CASE("Config errors: values without sense and out of range are refused") {
  for (const std::string line : {"io_threads = -1",
                                 "workers = 100000",
                                 "worker_queue = 0",
                                 "max_in_flight = 9223372036854775807",
                                 "connection_window = 0",
                                 "max_connections = 0",
                                 "max_message = 0",
                                 "max_message = \"2GiB\"",
                                 "max_response = \"0B\"",
                                 "max_batch = 0",
                                 "batch_width = 0",
                                 "max_output_buffer = 0",
                                 "call_timeout = \"0s\"",
                                 "idle_timeout = \"9000h\"",
                                 "message_timeout = \"0ms\"",
                                 "write_timeout = \"0us\"",
                                 "drain_timeout = \"-1s\"",
                                 "workers = 2.0",
                                 "workers = \"2\"",
                                 "workers = true",
                                 "workers = [2]",
                                 "workers = {}",
                                 "workers = 2026-01-01",
                                 "workers = nan"}) {
    CAPTURE(line);
    const std::string error = error_of("[server]\n" + line);
    CHECK(error.starts_with("f.toml:2:"));
    CHECK(contains(error, " is not allowed; it takes "));
  }
}

TEST_CASE("Config errors: the error for a misspelt key suggests the nearest key") {
  CHECK(error_of("[server]\nmax_mesage = 1") ==
        "f.toml:2:1: server.max_mesage is not a known key; did you mean max_message?");
  CHECK(contains(error_of("[server]\nworker = 1"), "did you mean workers?"));
  CHECK(contains(error_of("[server]\nmax_conn = 1"), "did you mean max_connections?"));
  CHECK(contains(error_of("[server]\nwrokers = 1"), "did you mean workers?"));
  CHECK(contains(error_of("[log]\nlevle = 1"), "log.levle is not a known key; did you mean level?"));
  CHECK(contains(error_of("[method.\"a.b\"]\ntime_out = 1"),
                 "method.\"a.b\".time_out is not a known key; did you mean timeout?"));
  CHECK(error_of("[sever]\nworkers = 1") == "f.toml:1:2: sever is not a known table; did you mean server?");
  CHECK(contains(error_of("[[listener]]\naddress = ''"), "did you mean listen?"));
}

TEST_CASE("Config errors: the error for a key in the wrong table names its own table") {
  CHECK(error_of("max_message = 1") ==
        "f.toml:1:1: max_message is not known here; it belongs under [server]");
  CHECK(contains(error_of("[server]\nslow_call = '1s'"),
                 "server.slow_call is not a known key; it belongs under [log]"));
}

TEST_CASE("Config errors: the error for a key like no other lists the known keys") {
  CHECK(error_of("[log]\nzebra = 1") ==
        "f.toml:2:1: log.zebra is not a known key; known are: level, format, slow_call");
  CHECK(contains(error_of("zebra = 1"),
                 "zebra is not a known table; known are: server, listen, admin, admission, log, client, "
                 "backend, method"));
}

TEST_CASE("Config errors: a table instead of a value, and the reverse") {
  CHECK(contains(error_of("server = 1"),
                 "f.toml:1:10: server is 1; it has to be one table, with keys: io_threads"));
  CHECK(contains(error_of("[[log]]"), "log is an array; it has to be one table"));
  CHECK(contains(error_of("[listen]\naddress = 'unix:///a'"), "under [[listen]]"));
  CHECK(contains(error_of("listen = []"), "listen is empty"));
  CHECK(contains(error_of("listen = ['unix:///a']"), "listen is \"unix:///a\"; it has to be one table"));
  CHECK(contains(error_of("method = 1"), "each method is a table of its own"));
  CHECK(contains(error_of("method.a = 1"), "method.\"a\" is 1; it has to be one table"));
}

TEST_CASE("Config errors: a method's name with dots has to be quoted") {
  CHECK(contains(error_of("[method.demo.sleep]\ntimeout = '1s'"), "a name with dots is written in quotes"));
  CHECK(contains(error_of("[method.\"a*b\"]"), "is not a method name"));
  CHECK(contains(error_of("[method.\"\"]"), "is not a method name"));
}

TEST_CASE("Config errors: a listener that others can reach has to be called insecure") {
  for (const std::string address :
       {"tcp://0.0.0.0:7070", "tcp://[::]:7070", "tcp://10.1.2.3:0", "tcp://host:7070"}) {
    CAPTURE(address);
    const std::string text = "[[listen]]\naddress = \"" + address + "\"\n";
    CHECK(contains(error_of(text),
                   "f.toml:2:11: listen.address = \"" + address + "\" can be reached from other"));
    CHECK(contains(error_of(text + "insecure = false"), "insecure = true"));
    CHECK(errors_of(text + "insecure = true").empty());
  }
}

TEST_CASE("Config errors: a listener behind a proxy has to be called insecure, wherever it listens") {
  for (const std::string address : {"tcp://127.0.0.1:7070", "tcp://localhost:0", "unix:///run/x.sock"}) {
    CAPTURE(address);
    const std::string text = "[[listen]]\naddress = \"" + address + "\"\nproxy_protocol = true\n";
    CHECK(contains(error_of(text), "f.toml:3:18: listen.proxy_protocol = true takes clients from other"));
    CHECK(errors_of(text + "insecure = true").empty());
    CHECK(errors_of(text + "[[client]]\nname = 'me'\nuser = 'root'").empty());
  }
  const std::string reachable = "[[listen]]\naddress = 'tcp://0.0.0.0:1'\nproxy_protocol = true\n";
  CHECK(contains(error_of(reachable), "f.toml:2:11: listen.address"));
}

TEST_CASE("Config errors: a listener needs a valid address") {
  CHECK(contains(error_of("[[listen]]\nmode = '0600'"), "f.toml:1:1: listen.address is missing"));
  CHECK(contains(error_of("[[listen]]\naddress = ''"), "it takes tcp://HOST:PORT"));
  CHECK(contains(error_of("[[listen]]\naddress = 'localhost:1'"), "it takes tcp://HOST:PORT"));
  CHECK(contains(error_of("[[listen]]\naddress = 'tcp://127.0.0.1:1'\nmode = '0600'"),
                 "f.toml:3:8: listen.mode"));
  CHECK(contains(error_of("[admin]\naddress = 'unix:///a'"), "\"\" for no admin listener"));
}

TEST_CASE("Config errors: no two listeners share an address") {
  const std::string twice = "[[listen]]\naddress = 'unix:///a'\n[[listen]]\naddress = 'unix:///a'\n";
  CHECK(contains(error_of(twice), "f.toml:4:11: unix:///a is given twice"));
  CHECK(contains(error_of("[admin]\naddress = 'tcp://127.0.0.1:7070'"),
                 "f.toml:2:11: tcp://127.0.0.1:7070 is given twice"));
  CHECK(contains(error_of("[[listen]]\naddress = 'tcp://127.0.0.1:7071'"),
                 "f.toml:2:11: tcp://127.0.0.1:7071 is given twice; it is the default of admin.address"));
  CHECK(errors_of("[[listen]]\naddress = 'tcp://127.0.0.1:7071'\n[admin]\naddress = ''").empty());
}

TEST_CASE("Config errors: all errors are reported, in the order of the file") {
  const std::vector<std::string> errors = errors_of(R"([server]
workers = "many"
zebra = 1
call_timeout = 5
[[listen]]
address = "tcp://0.0.0.0:1"
mode = 660
[[listen]]
adress = "unix:///a"
[log]
format = "xml"
[method."a*b"]
[method.c]
max_concurrent = 0
[backend]
)");
  const std::vector<std::string> starts = {"f.toml:2:11: server.workers",
                                           "f.toml:3:1: server.zebra",
                                           "f.toml:4:16: server.call_timeout",
                                           "f.toml:6:11: listen.address",
                                           "f.toml:7:8: listen.mode",
                                           "f.toml:7:8: listen.mode",
                                           "f.toml:8:1: listen.address",
                                           "f.toml:9:1: listen.adress",
                                           "f.toml:11:10: log.format",
                                           "f.toml:12:9: method.\"a*b\"",
                                           "f.toml:14:18: method.\"c\".max_concurrent",
                                           "f.toml:15:1: backend"};
  REQUIRE(errors.size() == starts.size());
  for (std::size_t i = 0; i < starts.size(); ++i) {
    CAPTURE(errors[i]);
    CHECK(errors[i].starts_with(starts[i]));
  }
}

TEST_CASE("Config errors: invalid TOML is reported with its position") {
  for (const std::string text : {"a = ", "a = 1\na = 2", "[server", "a = 'x", "a = 0660", "\xff",
                                 "a = \"\\q\"", "[server]\n[server]"}) {
    CAPTURE(text);
    const std::string error = error_of(text);
    CHECK(error.starts_with("f.toml:"));
    CHECK(contains(error, ": not valid TOML: "));
    CHECK(error.find('\n') == std::string::npos);
  }
  CHECK(error_of("[server]\nworkers = = 1\n").starts_with("f.toml:2:11: not valid TOML"));
  CHECK(
      error_of("[[listen]]\nmode = 0660\n").ends_with("; permissions are given in quotes, such as \"0660\""));
}

TEST_CASE("Config errors: nesting without end is refused") {
  constexpr int kLevels = 50000;
  const auto repeated = [](std::string_view piece) {
    std::string text;
    for (int i = 0; i < kLevels; ++i) text += piece;
    return text;
  };
  CHECK(contains(error_of("a = " + repeated("[")), "not valid TOML"));
  CHECK(contains(error_of("a = " + repeated("{a=")), "not valid TOML"));
  CHECK(error_of("\n" + repeated("a.") + "a = 1") == "f.toml:2:514: no line may have more than 256 dots");
  CHECK(contains(error_of("[" + repeated("a.") + "a]"), "dots"));
  CHECK(errors_of("#" + repeated(".") + "\n").empty());
}

TEST_CASE("Config errors: a long list is cut and its rest is counted") {
  std::string text = "[server]\n";
  for (std::size_t i = 0; i < kConfigErrorsMax + 5; ++i) text += "zebra" + std::to_string(i) + " = 1\n";
  const std::vector<std::string> errors = errors_of(text);
  REQUIRE(errors.size() == kConfigErrorsMax + 1);
  CHECK(errors.back() == "f.toml: 5 more errors are not shown");
}

TEST_CASE("Config errors: text from the file can't control a terminal or break a line") {
  for (const std::string text : {"\"a\\u001b[2J\\n\" = 1", "[server]\n\"\\n\" = 1",
                                 "[server]\nmax_message = \"\\u001b\\n\"", "[method.\"\\n*\\n\"]"}) {
    CAPTURE(text);
    const std::string error = error_of(text);
    CHECK(error.find('\n') == std::string::npos);
    CHECK(error.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("Config errors: nearest takes the word that differs least") {
  const std::vector<std::string_view> known = {"timeout", "max_concurrent", "mode"};
  CHECK(nearest("timeuot", known) == "timeout");
  CHECK(nearest("time", known) == "timeout");
  CHECK(nearest("concurrent", known) == "max_concurrent");
  CHECK(nearest("mod", known) == "mode");
  CHECK_FALSE(nearest("x", known));
  CHECK_FALSE(nearest("", known));
  CHECK_FALSE(nearest("completely-different", known));
  CHECK_FALSE(nearest(std::string(100000, 'q'), known));
}

// A folder that goes away with its files.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-config-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST_CASE("Config file: an unreadable file is one error that names it") {
  const ScratchFolder folder;
  const auto only_error = [](const std::string& file) {
    const LoadedConfig loaded = load_config(file);
    REQUIRE(loaded.errors.size() == 1);
    return loaded.errors.front().text();
  };
  const std::string missing = folder.path() + "/missing.toml";
  CHECK(only_error(missing) == missing + ": cannot be read: No such file or directory");
  CHECK(only_error(folder.path()) == folder.path() + ": cannot be read: Is a directory");
  const std::string large = folder.file("large.toml", std::string(kConfigBytesMax + 1, '\n'));
  CHECK(only_error(large) == large + ": is too large: at most 1048576 bytes are read");
}

TEST_CASE("Config file: a file is read up to the largest size") {
  const ScratchFolder folder;
  CHECK(load_config(folder.file("a.toml", "[server]\nworkers = 3\n")).settings.workers == 3);
  CHECK(load_config(folder.file("b.toml", std::string(kConfigBytesMax, '\n'))).ok());
  CHECK(load_config("/dev/null").ok());
}

}  // namespace
}  // namespace sluice::daemon
