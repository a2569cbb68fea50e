#include "lib/events/event_filter.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "proto/json_text.hpp"

namespace sluice::core {

Result<EventFilter, proto::Error> EventFilter::parse(std::string_view json, std::string_view path) {
  if (!json.starts_with('{')) return proto::invalid_params(path, "an object of JSON pointers and scalars");
  std::map<std::string, std::string_view, std::less<>> members;  // the last of each name
  for (proto::JsonWalker walker(json); walker.next();) {
    members.insert_or_assign(std::string(walker.key()), walker.value());
    if (members.size() > kFilterConditionsMax) return proto::invalid_params(path, "at most 8 JSON pointers");
  }
  EventFilter filter;
  for (const auto& [key, value] : members) {
    const auto invalid = [&, &name = key](std::string_view expected) {
      return proto::invalid_params(std::string(path) + '/' + pointer_token(name), expected);
    };
    if (key.size() > kFilterPointerBytesMax)
      return proto::invalid_params(path, "JSON pointers of at most 1024 bytes");
    auto pointer = JsonPointer::parse(key);
    if (!pointer) return invalid("a JSON pointer as the member's name");
    if (value.size() > kFilterScalarBytesMax) return invalid("a scalar of at most 1024 bytes");
    auto scalar = JsonScalar::read(value);
    if (!scalar) return invalid("a string, a number, a boolean or null");
    filter.conditions_.push_back({std::move(pointer.value()), std::move(*scalar)});
  }
  return filter;
}

bool EventFilter::matches(std::string_view data) const {
  return std::ranges::all_of(conditions_, [&](const Condition& condition) {
    const auto value = condition.pointer.find(data);
    return value && condition.value.equals(*value);
  });
}

}  // namespace sluice::core
