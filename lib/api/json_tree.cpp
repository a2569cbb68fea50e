// JSON tree from text in linear time. Json::parse() is slow for large objects: it searches all keys for each
// new one, so that an object of 4 MiB would take minutes.
#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "lib/include/sluice/params.hpp"

namespace sluice {
namespace {

// Gives the first of several members of one name the last one's value, and removes the others.
void merge_duplicates(Json::object_t& object) {
  if (object.size() < 2) return;
  const auto members = object.begin();  // an ordered_map's own operator[] takes keys
  std::vector<std::size_t> order(object.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&members](std::size_t a, std::size_t b) {
    const int difference = members[a].first.compare(members[b].first);
    return difference != 0 ? difference < 0 : a < b;
  });

  std::vector<bool> dropped(object.size());
  for (std::size_t i = 0, first = 0; i < order.size(); ++i) {
    if (members[order[first]].first != members[order[i]].first) first = i;
    if (first == i) continue;
    members[order[first]].second = std::move(members[order[i]].second);
    dropped[order[i]] = true;
  }
  if (std::find(dropped.begin(), dropped.end(), true) == dropped.end()) return;
  Json::object_t kept;
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    if (!dropped[i]) kept.emplace_back(members[i].first, std::move(members[i].second));
  }
  object = std::move(kept);
}

// Receives the events of nlohmann's parser.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& name) override {
    open_.back().key = std::move(name);
    return true;
  }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override {
    merge_duplicates(open_.back().container.get_ref<Json::object_t&>());
    return close();
  }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

  Json take() { return std::move(root_); }

  // JSON pointer to the next value.
  std::string path() const {
    std::string path;
    for (const Level& level : open_) {
      path += level.container.is_array() ? pointer_step(level.container.size()) : pointer_step(level.key);
    }
    return path;
  }

 private:
  struct Level {
    Json container;
    std::string key;  // of the next member, in an object
  };

  bool open(Json container) {
    open_.push_back({std::move(container), {}});
    return true;
  }

  bool close() {
    Json container = std::move(open_.back().container);
    open_.pop_back();
    return add(std::move(container));
  }

  bool add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Level& level = open_.back();
    if (level.container.is_array()) {
      level.container.get_ref<Json::array_t&>().push_back(std::move(value));
    } else {
      level.container.get_ref<Json::object_t&>().emplace_back(std::move(level.key), std::move(value));
    }
    return true;
  }

  std::vector<Level> open_;
  Json root_;
};

}  // namespace

std::optional<Json> parse_json(std::string_view text, Mismatch& mismatch) {
  TreeBuilder builder;
  if (Json::sax_parse(text, &builder)) return builder.take();
  mismatch = {builder.path(), expected_of<Json>()};
  return std::nullopt;
}

}  // namespace sluice
