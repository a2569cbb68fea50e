// Reading and writing pieces of JSON text without building a tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::proto {

// The meaning of a string's text between its quotes, as UTF-8. `raw` must have passed the scanner.
std::string unescape(std::string_view raw);

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so that the
// result is always valid JSON.
void append_quoted(std::string& out, std::string_view text);
std::string quoted(std::string_view text);

// Appends JSON text without the white space between its tokens.
void append_compact(std::string& out, std::string_view json);

// Walks the elements of one array or the members of one object, in order, over text that has passed the
// scanner. Views point into that text.
//
//   for (JsonWalker walker(params); walker.next();) use(walker.key(), walker.value());
class JsonWalker {
 public:
  // `container` is the text of one value; other kinds than array and object have no elements.
  explicit JsonWalker(std::string_view container);

  // Steps to the next element; false after the last.
  bool next();

  // The member's name with its escapes resolved; empty in an array. Valid until the next step.
  std::string_view key() const { return key_; }

  // The element's own text, without white space around it.
  std::string_view value() const { return value_; }

 private:
  std::string_view rest_;
  std::string_view key_;
  std::string_view value_;
  std::string unescaped_key_;
  bool object_ = false;
};

// The value of the object's member `name`, the last one where there are several.
std::optional<std::string_view> member(std::string_view object, std::string_view name);

// The string that `value` is, or nothing where it is of another kind.
std::optional<std::string> as_string(std::string_view value);

}  // namespace sluice::proto
