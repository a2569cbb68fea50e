// Positions of the members of calls, as the scanner finds them.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "proto/message_scanner.hpp"
#include "tests/proto/every_cut.hpp"
#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {
namespace {

using Status = MessageScanner::Status;

// The members of a call as text: ` id=1 method="a"`.
std::string members(std::string_view text, const Envelope& envelope) {
  std::string out;
  const auto add = [&](std::string_view name, Span span) {
    if (span.present()) out.append(" ").append(name).append("=").append(span.in(text));
  };
  add("jsonrpc", envelope.jsonrpc);
  add("id", envelope.id);
  add("method", envelope.method);
  add("params", envelope.params);
  add("timeout_ms", envelope.timeout_ms);
  add("traceparent", envelope.traceparent);
  return out;
}

// The members of one call however its text is cut up.
std::string members_of(std::string_view text) {
  const Verdict whole = scan_whole(text);
  CHECK(name_of(whole.status) == "complete");
  MessageScanner scanner;
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    CAPTURE(cut);
    CHECK(scan_pieces(scanner, text, [&](std::size_t at) { return at == 0 ? cut : text.size(); }) == whole);
  }
  CHECK(scan_pieces(scanner, text, [](std::size_t) { return std::size_t{1}; }) == whole);
  return members(text, scanner.message().single);
}

TEST_CASE("scanner: the members of a call are found with their kinds") {
  const std::string_view text =
      R"({"jsonrpc":"2.0","method":"m","params":[1,{"id":9}],"id":7,"timeout_ms":5,"traceparent":"00-ab"})";
  CHECK(scan_whole(text).message ==
        "object whole=object@0+96 jsonrpc=string@11+5 id=number@57+1 method=string@26+3 params=array@39+12 "
        "timeout_ms=number@72+1 traceparent=string@88+7");
}

TEST_CASE("scanner: a member's value may be of any kind, with white space around it") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (const auto& [text, expected] : std::initializer_list<Row>{
           {"{}", ""},
           {R"({ "id" : 1 , "method" : "a" })", R"( id=1 method="a")"},
           {"{\n\t\"id\"\r\n:\n-1.50e+3\n}", " id=-1.50e+3"},
           {R"({"id":null})", " id=null"},
           {R"({"id":true,"method":false})", " id=true method=false"},
           {R"({"id":"a\"}b"})", R"( id="a\"}b")"},
           {R"({"id":[],"params":{}})", " id=[] params={}"},
           {R"({"params":[[1],{"a":[2]}]})", R"( params=[[1],{"a":[2]}])"},
           {R"({"params": [ 1 , 2 ] })", " params=[ 1 , 2 ]"},
           {R"({"params":{"id":2,"method":"inner"}})", R"( params={"id":2,"method":"inner"})"},
           {R"({"other":{"id":2,"method":"inner"},"id":3})", " id=3"},
           {R"({"other":"id","id":3})", " id=3"},
           {R"({"x":{"y":{"id":1}}})", ""}}) {
    CAPTURE(text);
    CHECK(members_of(text) == expected);
  }
}

TEST_CASE("scanner: the fast path for calls in the usual form finds the same members") {
  struct Row {
    std::string_view members;  // behind the version
    std::string_view expected;
  };
  for (const auto& [members, expected] : std::initializer_list<Row>{
           {R"("id":1,"method":"a","params":[1]})", R"( id=1 method="a" params=[1])"},
           {R"("method":"a","params":{"id":2},"id":12345678901234567890})",
            R"( id=12345678901234567890 method="a" params={"id":2})"},
           {R"("params":[],"method":"a","id":1})", R"( id=1 method="a" params=[])"},
           {R"("id":12345678,"method":"a.b/c"})", R"( id=12345678 method="a.b/c")"},
           {R"("id":1,"id":2,"method":"a","method":"b","id":3,"x":1})", R"( id=3 method="b")"},
           {R"("id":0,"method":"a"})", R"( id=0 method="a")"},
           {R"("id":-1,"method":"a"})", R"( id=-1 method="a")"},
           {R"("id":1.5,"method":"a"})", R"( id=1.5 method="a")"},
           {R"("id":1e3,"method":"a"})", R"( id=1e3 method="a")"},
           {R"("id":1 ,"method":"a" ,"params":[]})", R"( id=1 method="a" params=[])"},
           {R"("id": 1, "method": "a"})", R"( id=1 method="a")"},
           {R"("id":"1","method":"a"})", R"( id="1" method="a")"},
           {R"("id":null,"method":null})", " id=null method=null"},
           {R"("id":{"id":1,"method":"b"},"method":"a"})", R"( id={"id":1,"method":"b"} method="a")"},
           {R"("id":1,"method":"a\"b","params":[]})", R"( id=1 method="a\"b" params=[])"},
           {R"("id":1,"method":"\u00e9","params":[]})", R"( id=1 method="\u00e9" params=[])"},
           {R"("id":1,"method":"ä","params":[]})", R"( id=1 method="ä" params=[])"},
           {R"("id":1,"method":"","x":"id"})", R"( id=1 method="")"},
           {R"("params":[1],"params":{"a":1},"method":"a"})", R"( method="a" params={"a":1})"},
           {R"("params":[1],"params":[[]],"method":"a"})", R"( method="a" params=[[]])"},
           {R"("params":[[]],"params":"a","params":[1],"method":"a"})", R"( method="a" params=[1])"},
           {R"("id":1,"jsonrpc":"1.0","method":"a"})", R"( id=1 method="a")"}}) {
    for (const std::string_view beginning : {R"({"jsonrpc":"2.0",)", R"({"jsonrpc": "2.0", )"}) {
      const std::string text = std::string(beginning) + std::string(members);
      CAPTURE(text);
      const bool other_version = members.find("1.0") != std::string_view::npos;
      CHECK(members_of(text) ==
            (other_version ? R"( jsonrpc="1.0")" : R"( jsonrpc="2.0")") + std::string(expected));
    }
  }
}

TEST_CASE("scanner: the fast path for calls in the usual form refuses the same calls") {
  struct Row {
    std::string_view members;
    std::size_t offset;  // within them
  };
  for (const auto& [members, offset] : std::initializer_list<Row>{{R"("id":01,"method":"a"})", 6},
                                                                  {R"("id":1.,"method":"a"})", 7},
                                                                  {R"("id":1x,"method":"a"})", 6},
                                                                  {R"("id":,"method":"a"})", 5},
                                                                  {R"("id":1,,"method":"a"})", 7},
                                                                  {R"("id":1,})", 7},
                                                                  {R"("id":1]})", 6},
                                                                  {R"("id":123456789:})", 14},
                                                                  {R"("method":"a"])", 12},
                                                                  {R"("method":"a",})", 13},
                                                                  {R"("method":"a""id":1})", 12},
                                                                  {"\"method\":\"a\nb\",\"id\":1}", 11}}) {
    const std::string beginning = R"({"jsonrpc":"2.0",)";
    check_refused(beginning + std::string(members), beginning.size() + offset);
  }
}

// The first is checked on the fast path, where possible, the other token by token.
TEST_CASE("scanner: a call's params are checked alike as a whole and in pieces") {
  static constexpr std::string_view kScalars[] = {
      R"("")", R"("ab")", R"("a\"b")", R"("ä")", "\"a\x1f\"", R"("a)", "1",    "-0",    "0.5",
      "1e9",   "01",      "1.",        "-",      "1x",        "true",  "trux", "false", "fals",
      "null",  "nul",     "x",         "",       " 1",        "1 ",    "[]",   "{}"};
  static constexpr std::string_view kShapes[] = {"[@]",
                                                 "[@,2]",
                                                 "[1,@]",
                                                 "[1, @]",
                                                 "[@",
                                                 "[@}",
                                                 R"({"a":@})",
                                                 R"({"a": @})",
                                                 R"({"a":@,"b":2})",
                                                 R"({"a":1, "b":@})",
                                                 R"({"a":@]})",
                                                 R"({"a"@})",
                                                 R"({"a\n":@})",
                                                 R"({@:1})",
                                                 R"({"a":@,})",
                                                 "[@,]",
                                                 "[,@]",
                                                 "[1  ,@]",
                                                 "@",
                                                 "{@}"};
  static constexpr std::string_view kBehind[] = {"}", R"(,"id":1})", R"(, "id": 1})", " }", "]", ",}", "\"",
                                                 ""};
  MessageScanner scanner;
  for (const std::string_view shape : kShapes) {
    for (const std::string_view scalar : kScalars) {
      for (const std::string_view behind : kBehind) {
        std::string text = R"({"jsonrpc":"2.0","method":"m","params":)";
        text.append(shape).replace(text.find('@'), 1, scalar).append(behind);
        const Verdict in_pieces = scan_pieces(scanner, text, [](std::size_t) { return std::size_t{1}; });
        if (scan_whole(text) == in_pieces) continue;
        CAPTURE(text);
        CHECK(scan_whole(text) == in_pieces);
      }
    }
  }
}

TEST_CASE("scanner: params of any length are found") {
  for (std::size_t bytes = 480; bytes < 540; ++bytes) {
    const std::string params = "[\"" + std::string(bytes, 'a') + "\"]";
    CHECK(members_of(R"({"jsonrpc":"2.0","method":"m","params":)" + params + R"(,"id":1})") ==
          R"( jsonrpc="2.0" id=1 method="m" params=)" + params);
  }
}

TEST_CASE("scanner: of duplicate members the last counts, of whatever kind it is") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (const auto& [text, expected] :
       std::initializer_list<Row>{{R"({"id":1,"id":2})", " id=2"},
                                  {R"({"id":1,"method":"a","id":"x"})", R"( id="x" method="a")"},
                                  {R"({"params":[1],"params":{"a":1}})", R"( params={"a":1})"},
                                  {R"({"params":{"params":[1]},"params":null})", " params=null"},
                                  {R"({"id":[1,2],"id":3,"id":{}})", " id={}"},
                                  {R"({"method":"a","m\u0065thod":"b"})", R"( method="b")"},
                                  {R"({"m\u0065thod":"b","method":"a"})", R"( method="a")"}}) {
    CAPTURE(text);
    CHECK(members_of(text) == expected);
  }
}

TEST_CASE("scanner: a member's name may be written with escapes, but is otherwise exact") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (const auto& [text, expected] : std::initializer_list<Row>{
           {R"({"\u0069d":1})", " id=1"},
           {R"({"i\u0064":1})", " id=1"},
           {R"({"\u006a\u0073\u006f\u006e\u0072\u0070\u0063":"2.0"})", R"( jsonrpc="2.0")"},
           {R"({"timeout\u005fms":1,"trace\u0070arent":"x","\u0070arams":[]})",
            R"( params=[] timeout_ms=1 traceparent="x")"},
           {R"({"\\u0069d":1})", ""},
           {R"({"i\/d":1})", ""},
           {R"({"ID":1,"Id":2,"id ":3," id":4,"i":5,"idd":6,"":7})", ""},
           {R"({"ids\u0000":1,"id\u0000":2})", ""},
           {R"({"metho\u0064s":1,"jsonrpC":2})", ""}}) {
    CAPTURE(text);
    CHECK(members_of(text) == expected);
  }
}

TEST_CASE("scanner: a top-level value that is not an object has its kind and no members") {
  struct Row {
    std::string_view text;
    ValueKind kind;
  };
  for (const auto& [text, kind] : std::initializer_list<Row>{{"null", ValueKind::null},
                                                             {"true", ValueKind::boolean},
                                                             {"false", ValueKind::boolean},
                                                             {"12", ValueKind::number},
                                                             {R"("id")", ValueKind::string}}) {
    CAPTURE(text);
    MessageScanner scanner;
    scan_pieces(scanner, text, [](std::size_t) { return std::size_t{1}; });
    CHECK(scanner.message().kind == kind);
    CHECK(scanner.message().single.whole.kind == kind);
    CHECK(scanner.message().single.whole.in(text) == text);
    CHECK(members(text, scanner.message().single).empty());
    CHECK_FALSE(scanner.message().is_batch());
  }
}

// The entries of a batch, each with its own text and its members.
std::string entries_of(std::string_view text, std::size_t entries_max = kBatchEntriesDefault) {
  std::string first;
  for (const std::size_t step : {text.size(), std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    MessageScanner scanner(entries_max);
    const Verdict verdict = scan_pieces(scanner, text, [&](std::size_t) { return step; });
    CHECK(name_of(verdict.status) == "complete");
    CHECK(verdict.position == text.size());
    CHECK(scanner.message().is_batch());
    CHECK(members(text, scanner.message().single).empty());
    std::string out = std::to_string(scanner.message().entry_count);
    for (const auto& entry : scanner.message().entries) {
      out.append(" <").append(entry.whole.in(text)).append(">").append(members(text, entry));
    }
    if (first.empty()) first = out;
    CHECK(out == first);
  }
  return first;
}

TEST_CASE("scanner: a batch's entries are found with their members") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (const auto& [text, expected] : std::initializer_list<Row>{
           {"[]", "0"},
           {"[ ]", "0"},
           {"[1]", "1 <1>"},
           {R"([1,"a",null,true,-1.5])", R"(5 <1> <"a"> <null> <true> <-1.5>)"},
           {"[{}]", "1 <{}>"},
           {R"([{"id":1},{"id":2,"method":"b"}])",
            R"(2 <{"id":1}> id=1 <{"id":2,"method":"b"}> id=2 method="b")"},
           {R"([ {"id" : 1} , {"id":1,"id":2} ])", R"(2 <{"id" : 1}> id=1 <{"id":1,"id":2}> id=2)"},
           {R"([{"params":[{"id":5}]},{"id":6}])",
            R"(2 <{"params":[{"id":5}]}> params=[{"id":5}] <{"id":6}> id=6)"},
           {"[[]]", "1 <[]>"},
           {R"([["id",1,{"id":2}],{"id":3}])", R"(2 <["id",1,{"id":2}]> <{"id":3}> id=3)"},
           {R"([[[{"id":1}]],{"i\u0064":3}])", R"(2 <[[{"id":1}]]> <{"i\u0064":3}> id=3)"},
           {R"([{"id":1},7,{"method":"m"}])", R"(3 <{"id":1}> id=1 <7> <{"method":"m"}> method="m")"}}) {
    CAPTURE(text);
    CHECK(entries_of(text) == expected);
  }
}

TEST_CASE("scanner: entries over the limit are counted but not kept") {
  const std::string_view text = R"([{"id":1},[2],{"id":3,"params":[4]},5,{"id":6}])";
  CHECK(entries_of(text, 5).starts_with("5 "));
  CHECK(entries_of(text, 2) == R"(5 <{"id":1}> id=1 <[2]>)");
  CHECK(entries_of(text, 1) == R"(5 <{"id":1}> id=1)");
  CHECK(entries_of(text, 0) == "5");

  std::string many = "[0";
  for (std::size_t i = 1; i < 100'000; ++i) many += ",{}";
  many += "]";
  MessageScanner scanner(1000);
  CHECK(name_of(scanner.scan(many)) == "complete");
  CHECK(scanner.message().entry_count == 100'000);
  CHECK(scanner.message().entries.size() == 1000);
  CHECK(scanner.message().entries.back().whole.in(many) == "{}");
}

TEST_CASE("scanner: a new limit of entries holds from the next message on") {
  MessageScanner scanner(1);
  CHECK(name_of(scanner.scan("[1,2]")) == "complete");
  CHECK(scanner.message().entries.size() == 1);
  scanner.set_batch_entries_max(2);
  scanner.reset();
  CHECK(name_of(scanner.scan("[1,2]")) == "complete");
  CHECK(scanner.message().entries.size() == 2);
}

TEST_CASE("scanner: a batch's entries take no memory once the next message begins") {
  MessageScanner scanner;
  REQUIRE(name_of(scanner.scan("[{},{},{}]")) == "complete");
  REQUIRE(scanner.message().entries.size() == 3);
  scanner.reset();
  CHECK(scanner.message().entries.capacity() == 0);
}

TEST_CASE("scanner: no state of a message remains for the next") {
  MessageScanner scanner;
  CHECK(name_of(scanner.scan(R"([{"id":1,"method":"a"},{"params":[]}])")) == "complete");
  scanner.reset();
  CHECK(name_of(scanner.scan(R"({"method":"b"})")) == "complete");
  CHECK(describe(scanner.message()) == "object whole=object@0+14 method=string@10+3");
  scanner.reset();
  CHECK(name_of(scanner.scan("[]")) == "complete");
  CHECK(describe(scanner.message()) == "array whole=array@0+2 entries 0");
}

}  // namespace
}  // namespace sluice::proto::testing
