#include "cli/command_line_parser.hpp"

#include <doctest/doctest.h>

#include "cli/duration.hpp"

namespace sluice::client {
namespace {

using namespace std::chrono_literals;

Result<CommandLine> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "sluice");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

bool is_usage_error(std::vector<const char*> words) {
  const auto line = parse(std::move(words));
  return !line && line.error().code == ExitCode::usage &&
         line.error().message.find('\n') == std::string::npos;
}

}  // namespace

TEST_CASE("command line: ADDRESS is optional, words keep their text") {
  const auto given = parse({"call", "tcp://h:1", "demo.echo", "[1, 2,\"a,b\"]"});
  REQUIRE(given.has_value());
  CHECK(given.value().address.host == "h");
  CHECK(given.value().operands == std::vector<std::string>{"demo.echo", "[1, 2,\"a,b\"]"});

  const auto left_out = parse({"call", "bench", "a=-1", "-"});
  REQUIRE(left_out.has_value());
  CHECK(left_out.value().command == Command::call);
  CHECK(left_out.value().address.text == "tcp://127.0.0.1:7070");
  CHECK(left_out.value().operands == std::vector<std::string>{"bench", "a=-1", "-"});
}

TEST_CASE("command line: negative numbers are params, and -- ends the options") {
  using Words = std::vector<std::string>;
  const auto numbers = parse({"call", "m", "-1", "2", "-1.5e3", "--timeout", "1s"});
  REQUIRE(numbers.has_value());
  CHECK(numbers.value().operands == Words{"m", "-1", "2", "-1.5e3"});
  CHECK(numbers.value().timeout == 1s);

  const auto marked = parse({"call", "h:1", "m", "--", "-1", "--timeout", "-x=1", "--"});
  REQUIRE(marked.has_value());
  CHECK(marked.value().address.text == "tcp://h:1");
  CHECK(marked.value().operands == Words{"m", "-1", "--timeout", "-x=1", "--"});
  CHECK(marked.value().timeout == 60s);
  CHECK(parse({"call", "--", "tcp://h:1", "m"}).value().operands == Words{"m"});

  CHECK(is_usage_error({"call", "m", "-x=1"}));
  CHECK(parse({"call", "m", "-5s"}).error().message.find("--") != std::string::npos);
  CHECK(is_usage_error({"call", "--"}));
  CHECK(is_usage_error({"--", "call", "m"}));
}

TEST_CASE("command line: time limits have units, and a deadline stretches the timeout") {
  CHECK(parse({"call", "m"}).value().timeout == 60s);
  CHECK(parse({"call", "--timeout", "250ms", "m"}).value().timeout == 250ms);
  const auto line = parse({"call", "m", "--deadline", "2m"});
  CHECK(line.value().timeout == 125s);
  CHECK(line.value().settings.deadline == 120000ms);
  CHECK(parse({"call", "m", "--deadline", "10us"}).value().settings.deadline == 1ms);
  CHECK(parse({"call", "m", "--deadline", "2m", "--timeout", "1s"}).value().timeout == 1s);
  CHECK(is_usage_error({"call", "m", "--timeout", "5"}));
  CHECK(is_usage_error({"call", "m", "--timeout", "0s"}));
}

TEST_CASE("command line: a traceparent has the W3C shape") {
  const char* good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  CHECK(parse({"notify", "m", "--traceparent", good}).value().settings.traceparent == good);
  CHECK(is_usage_error({"notify", "m", "--traceparent", "00-xyz"}));
}

TEST_CASE("command line: stdin can't be both the token and the params") {
  for (auto words : std::vector<std::vector<const char*>>{
           {"call", "m", "-"}, {"notify", "m", "-"}, {"batch"}, {"batch", "-"}}) {
    words.insert(words.end(), {"--token-file", "-"});
    CHECK(is_usage_error(words));
    CHECK(parse(words).error().message.find("stdin is already used") != std::string::npos);
  }
  CHECK(is_usage_error({"token", "--token-file", "-"}));
}

TEST_CASE("command line: invalid arguments are a usage error of one line") {
  CHECK(is_usage_error({}));
  CHECK(is_usage_error({"nothing"}));
  CHECK(is_usage_error({"call"}));
  CHECK(is_usage_error({"call", "tcp://h:1"}));
  CHECK(is_usage_error({"call", "ftp://h/", "m"}));
  CHECK(is_usage_error({"call", "--timout", "5s", "m"}));
  CHECK(is_usage_error({"call", "m", "a=\xff"}));
  CHECK(is_usage_error({"describe"}));
  CHECK(is_usage_error({"describe", "a", "b"}));
  CHECK(is_usage_error({"methods", "a"}));
}

TEST_CASE("command line: help and version are not errors") {
  const auto help = parse({"call", "--help"});
  REQUIRE_FALSE(help.has_value());
  CHECK(help.error().code == ExitCode::ok);
  CHECK(help.error().message.find("[ADDRESS] METHOD [PARAMS...]") != std::string::npos);
  CHECK(parse({"--version"}).error().message.starts_with("sluice "));
}

TEST_CASE("bench options: defaults are a closed loop of 100-byte params") {
  const auto line = parse({"bench"});
  REQUIRE(line.has_value());
  CHECK(line.value().bench.depth == 1);
  CHECK_FALSE(line.value().bench.open_loop());
  CHECK(line.value().bench.params.size() == 100);
  CHECK(line.value().bench.duration == 5s);
  CHECK(line.value().bench.warmup == 500ms);
}

TEST_CASE("bench options: a rate makes an open loop with a deep pipeline") {
  const auto line = parse({"bench", "--rate", "1000", "-c", "4", "--warmup", "0", "--params", "[1, 2]"});
  REQUIRE(line.has_value());
  CHECK(line.value().bench.open_loop());
  CHECK(line.value().bench.depth == BenchOptions::kOpenLoopDepth);
  CHECK(line.value().bench.warmup == 0s);
  CHECK(line.value().bench.params == "[1, 2]");
}

TEST_CASE("bench options: contradictory ones are refused") {
  CHECK(is_usage_error({"bench", "-c", "0"}));
  CHECK(is_usage_error({"bench", "-c", "60000", "-d", "100000"}));
  CHECK(is_usage_error({"bench", "--duration", "3"}));
  CHECK(is_usage_error({"bench", "--params", "{"}));
  CHECK(is_usage_error({"bench", "--params", "[]", "--size", "8"}));
  CHECK(is_usage_error({"bench", "--rate", "-1"}));
}

TEST_CASE("parse_duration: a positive number and a unit") {
  CHECK(parse_duration("1.5s").value() == 1500ms);
  CHECK(parse_duration("250us").value() == 250us);
  CHECK(parse_duration("2h").value() == 2h);
  for (const char* text : {"", "5", "s", "-1s", "0ms", "1 s", "1sec", "nans", "1e30s", "99999999h"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("command line: options of TLS need an address with TLS, and a key its certificate") {
  const auto line = parse({"call", "https://h", "m", "--ca", "a.pem", "--cert", "c.pem", "--key", "k.pem"});
  REQUIRE(line.has_value());
  CHECK(line.value().tls.authorities == "a.pem");
  CHECK(line.value().tls.certificate == "c.pem");
  CHECK(line.value().tls.key == "k.pem");
  CHECK_FALSE(line.value().tls.insecure);
  CHECK(parse({"call", "tls://h:1", "m", "--insecure"}).value().tls.insecure);
  CHECK(is_usage_error({"call", "http://h", "m", "--insecure"}));
  CHECK(is_usage_error({"call", "https://h", "m", "--cert", "c.pem"}));
  CHECK(is_usage_error({"call", "https://h", "m", "--key", "k.pem"}));
}

TEST_CASE("command line: subscribe takes topics and its options") {
  const auto line = parse(
      {"subscribe", "h:1", "a", "b.*", "--from", "last", "--count", "3", "--full", "--filter", "{\"/x\":1}"});
  REQUIRE(line.has_value());
  CHECK(line.value().operands == std::vector<std::string>{"a", "b.*"});
  CHECK(line.value().subscribe.from == "last");
  CHECK(line.value().subscribe.count == 3);
  CHECK(line.value().subscribe.full);
  CHECK(line.value().wants_stream());
  const auto plain = parse({"subscribe", "a"});
  CHECK(plain.value().subscribe.from == "now");
  CHECK(plain.value().subscribe.count == 0);
  CHECK(is_usage_error({"subscribe"}));
  CHECK(is_usage_error({"subscribe", "a", "--count", "-1"}));
  CHECK(is_usage_error({"subscribe", "a", "--filter", "[1]"}));
  CHECK(is_usage_error({"subscribe", "a", "--filter", "{"}));
}

TEST_CASE("command line: publish takes a topic and one JSON, call may want notes") {
  CHECK(parse({"publish", "a", "[1]"}).value().operands == std::vector<std::string>{"a", "[1]"});
  CHECK(is_usage_error({"publish", "a"}));
  CHECK(is_usage_error({"publish", "a", "1", "2"}));
  CHECK(parse({"call", "m", "--progress"}).value().settings.notes);
  CHECK_FALSE(parse({"call", "m"}).value().wants_stream());
  CHECK(is_usage_error({"notify", "m", "--progress"}));
}

}  // namespace sluice::client
