// A module: methods that `sluiced` loads into its own process.
//   [[backend]]
//   name = "words"
//   module = "libwords.so"
#include <algorithm>
#include <string>
#include <vector>

#include <sluice/module.hpp>

namespace {

std::vector<std::string> sorted(std::vector<std::string> words) {
  std::ranges::sort(words);
  return words;
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::vector<sluice::MethodSpec> methods() {
  return {sluice::typed_method("words.sort", {"words"}, sorted,
                               {.summary = "Sorts words, capitals before small letters."}),
          sluice::typed_method("words.join", {"words", "separator"}, joined, {.inline_io = true})};
}

}  // namespace

SLUICE_MODULE(methods);
