// Method patterns: which methods a client may call.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

// Exact names, prefixes ("calc.*", "*") and exclusions of both ("!calc.reset", "!calc.*"). An exclusion wins.
// The server's own methods ("rpc.*") need no pattern and may only be excluded. rpc.calls needs a pattern as
// other methods do, since it shows other clients' calls. An alias ("rpc_subscribe") is the method that it
// stands for: an exclusion of either name holds for both. Immutable.
class MethodPatterns {
 public:
  // Allows everything.
  MethodPatterns() : allowed_({"*"}) {}
  explicit MethodPatterns(const std::vector<std::string>& patterns);

  // Does not allocate. Any thread.
  bool allow(std::string_view method) const;

  // Whether `text` is a pattern: not empty, with * only at its end.
  static bool is_pattern(std::string_view text);

  // The other name of one of the server's own methods that has two; empty without another one.
  static std::string_view other_name(std::string_view method);

 private:
  struct Set {
    explicit Set(const std::vector<std::string>& patterns);
    bool contains(std::string_view method) const;

    std::set<std::string, std::less<>> names;
    std::vector<std::string> prefixes;
  };

  Set allowed_;
  Set excluded_{{}};
};

}  // namespace sluice::core
