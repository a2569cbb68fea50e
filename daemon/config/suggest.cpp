// nearest(): what a misspelt word was probably meant to be.
#include <algorithm>
#include <cstddef>
#include <numeric>

#include "daemon/config/schema.hpp"

namespace sluice::daemon {

namespace {

constexpr std::size_t kDistanceMax = 2;
constexpr std::size_t kPartCharsMin = 3;  // shorter parts of a word say too little

// The number of characters to insert, remove, change or swap with their neighbour to make one
// word of the other (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

// A letter or two in common is not a likeness.
bool near(std::string_view a, std::string_view b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  const std::size_t longer = std::max(a.size(), b.size());
  if (longer - shorter > kDistanceMax) return false;  // also keeps the work small for words of any length
  return distance(a, b) <= std::min(kDistanceMax, shorter / 2);
}

bool part_of(std::string_view part, std::string_view whole) {
  return part.size() >= kPartCharsMin && whole.find(part) != std::string_view::npos;
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view given, const std::vector<std::string_view>& known) {
  std::optional<std::string_view> best;
  for (const std::string_view word : known) {
    if (near(given, word) && (!best || distance(given, word) < distance(given, *best))) best = word;
  }
  if (best) return best;
  for (const std::string_view word : known) {
    if (word.starts_with(given) && part_of(given, word)) return word;
  }
  for (const std::string_view word : known) {
    if (part_of(given, word) || part_of(word, given)) return word;
  }
  return std::nullopt;
}

std::optional<std::string_view> home_of(std::string_view key_name) {
  for (const TableDescription& table : config_tables()) {
    for (const KeyDescription& known : table.keys) {
      if (known.name == key_name) return table.header;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::daemon
