#include "lib/access/topic_pattern.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/access/topic_rights.hpp"

namespace sluice::core::testing {
namespace {

TopicPattern pattern(std::string_view text) {
  auto parsed = TopicPattern::parse(text);
  REQUIRE(parsed);
  return parsed.value();
}

std::vector<std::string> kept(std::initializer_list<std::string_view> texts) {
  std::vector<TopicPattern> patterns;
  for (const std::string_view text : texts) patterns.push_back(pattern(text));
  std::vector<std::string> result;
  for (const TopicPattern& left : without_covered(std::move(patterns))) result.push_back(left.to_string());
  return result;
}

TEST_CASE("Topics: a name is tokens with a dot between them") {
  for (const std::string& name : {std::string("a"), std::string("orders.eu"), std::string("A-b_9.x.y"),
                                  std::string(kTopicBytesMax, 'x')})
    CHECK_MESSAGE(is_topic_name(name), name);
  for (const std::string& name :
       {std::string(), std::string("."), std::string("a."), std::string(".a"), std::string("a..b"),
        std::string("a b"), std::string("a/b"), std::string("*"), std::string("a.*"), std::string("\xC3\xA9"),
        std::string("a\0b", 3), std::string(kTopicBytesMax + 1, 'x')})
    CHECK_MESSAGE(!is_topic_name(name), name);
}

TEST_CASE("Topic patterns: a prefix ends at a dot") {
  CHECK(pattern("orders.*").matches("orders.eu"));
  CHECK(pattern("orders.*").matches("orders.eu.de"));
  CHECK_FALSE(pattern("orders.*").matches("orders"));
  CHECK_FALSE(pattern("orders.*").matches("orders2.eu"));
  CHECK(pattern("*").matches("orders"));
  CHECK(pattern("orders").matches("orders"));
  CHECK_FALSE(pattern("orders").matches("orders.eu"));
  for (const std::string& text :
       {std::string("**"), std::string("a*"), std::string("a.*.b"), std::string(".*"), std::string(),
        std::string("*.a"), std::string(kTopicBytesMax, 'x') + ".*"})
    CHECK_MESSAGE(!TopicPattern::parse(text), text);
}

TEST_CASE("Topic patterns: one covers another if it matches all that the other one matches") {
  CHECK(pattern("*").covers(pattern("a.*")));
  CHECK(pattern("a.*").covers(pattern("a.b.*")));
  CHECK(pattern("a.*").covers(pattern("a.*")));
  CHECK(pattern("a.*").covers(pattern("a.b")));
  CHECK_FALSE(pattern("a.*").covers(pattern("a")));
  CHECK_FALSE(pattern("a.b").covers(pattern("a.*")));
  CHECK_FALSE(pattern("a.b.*").covers(pattern("a.*")));
}

TEST_CASE("Topic patterns: of a list those stay that no other one covers, each once") {
  CHECK(kept({"a.b", "a.*", "a.c", "b"}) == std::vector<std::string>{"a.*", "b"});
  CHECK(kept({"a", "a"}) == std::vector<std::string>{"a"});
  CHECK(kept({"a", "b.*", "*"}) == std::vector<std::string>{"*"});
}

TEST_CASE("Topic rights: a pattern is allowed if one right covers it as a whole") {
  const TopicRights rights({pattern("a.*"), pattern("b")});
  CHECK(rights.allow("a.x"));
  CHECK(rights.allow("b"));
  CHECK_FALSE(rights.allow("a"));
  CHECK(rights.allow(pattern("a.x.*")));
  CHECK_FALSE(rights.allow(pattern("*")));
  CHECK_FALSE(TopicRights().allow("a"));
}

}  // namespace
}  // namespace sluice::core::testing
