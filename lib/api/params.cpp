#include "lib/include/sluice/params.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lib/api/number_text.hpp"
#include "proto/json_text.hpp"

namespace sluice {
namespace {

constexpr std::size_t kStepBytesMax = 64;

bool is_object(std::string_view text) { return text.starts_with('{'); }
bool is_array(std::string_view text) { return text.starts_with('['); }

std::string names_of(std::span<const ParamDescription> descriptions) {
  if (descriptions.empty()) return "no params";
  std::string names = descriptions.size() == 1 ? "the name " : "one of the names ";
  for (const ParamDescription& param : descriptions) names.append(param.name).append(", ");
  names.resize(names.size() - 2);
  return names;
}

std::string at_most(std::size_t count) {
  if (count == 0) return "no params";
  return "at most " + std::to_string(count) + (count == 1 ? " param" : " params");
}

std::optional<Error> bind_by_name(std::string_view params, std::span<const ParamDescription> descriptions,
                                  std::span<std::string_view> texts) {
  for (proto::JsonWalker walker(params); walker.next();) {
    std::size_t at = 0;
    while (at < texts.size() && descriptions[at].name != walker.key()) ++at;
    if (at == texts.size()) return invalid_params(pointer_step(walker.key()), names_of(descriptions));
    texts[at] = walker.value();
  }
  return std::nullopt;
}

std::optional<Error> bind_by_position(std::string_view params, std::span<std::string_view> texts) {
  std::size_t at = 0;
  for (proto::JsonWalker walker(params); walker.next(); ++at) {
    if (at == texts.size()) return invalid_params(pointer_step(at), at_most(at));
    texts[at] = walker.value();
  }
  return std::nullopt;
}

template <typename T>
bool read_integer(std::string_view text, T& value) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec == std::errc{} && read.ptr == text.data() + text.size()) return true;
  if (!core::is_number(text)) return false;
  // For 1.0, 1e3 or -0.
  const auto digits = core::integer_digits(text);
  if (!digits) return false;
  const auto again = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  return again.ec == std::errc{} && again.ptr == digits->data() + digits->size();
}

template <typename T>
bool read_number(std::string_view text, T& value) {
  const std::optional<T> read = core::read_float<T>(text);
  if (read) value = *read;
  return read.has_value();
}

template <typename T>
bool append_finite(std::string& out, T value) {
  if (!std::isfinite(value)) return false;
  core::append_number(out, value);
  return true;
}

bool for_each(std::string_view container, void* context, detail::Visit visit) {
  for (proto::JsonWalker walker(container); walker.next();) {
    if (!visit(context, walker.key(), walker.value())) return false;
  }
  return true;
}

// Json::dump() writes null for the former and invalid JSON for the latter.
bool can_be_written(const Json& value) {
  if (value.is_number_float()) return std::isfinite(value.get_ref<const double&>());
  if (value.is_structured()) return std::all_of(value.begin(), value.end(), can_be_written);
  return !value.is_discarded() && !value.is_binary();
}

}  // namespace

std::string pointer_step(std::string_view name) {
  std::string step = "/";
  for (const char c : name) {
    const bool starts_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (step.size() >= kStepBytesMax && starts_character) return step + "...";
    if (c == '~')
      step += "~0";
    else if (c == '/')
      step += "~1";
    else
      step += c;
  }
  return step;
}

std::string pointer_step(std::size_t index) { return std::string("/").append(std::to_string(index)); }

std::optional<Error> bind_params(std::string_view params, std::span<const ParamDescription> descriptions,
                                 std::span<std::string_view> texts) {
  std::fill(texts.begin(), texts.end(), std::string_view{});
  if (params.empty()) return std::nullopt;
  return is_object(params) ? bind_by_name(params, descriptions, texts) : bind_by_position(params, texts);
}

Error param_error(std::string_view params, std::span<const ParamDescription> descriptions, std::size_t index,
                  Mismatch mismatch) {
  const std::string step = is_array(params) ? pointer_step(index) : pointer_step(descriptions[index].name);
  return invalid_params(step + mismatch.path, std::move(mismatch.expected));
}

namespace detail {

bool read_text(std::string_view text, bool& value) {
  value = text == "true";
  return value || text == "false";
}
bool read_text(std::string_view text, std::int64_t& value) { return read_integer(text, value); }
bool read_text(std::string_view text, std::uint64_t& value) { return read_integer(text, value); }
bool read_text(std::string_view text, double& value) { return read_number(text, value); }
bool read_text(std::string_view text, float& value) { return read_number(text, value); }

bool read_text(std::string_view text, std::string& value) {
  if (!text.starts_with('"')) return false;
  const std::string_view raw = text.substr(1, text.size() - 2);
  if (raw.find('\\') == std::string_view::npos)
    value = raw;
  else
    value = proto::unescape(raw);
  return true;
}

void append(std::string& out, bool value) { out += value ? "true" : "false"; }
void append(std::string& out, std::int64_t value) { core::append_number(out, value); }
void append(std::string& out, std::uint64_t value) { core::append_number(out, value); }
bool append(std::string& out, double value) { return append_finite(out, value); }
bool append(std::string& out, float value) { return append_finite(out, value); }
void append(std::string& out, std::string_view value) { proto::append_quoted(out, value); }

bool append(std::string& out, const Json& value) {
  if (!can_be_written(value)) return false;
  out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return true;
}

bool for_each_element(std::string_view array, void* context, Visit visit) {
  return is_array(array) && for_each(array, context, visit);
}
bool for_each_member(std::string_view object, void* context, Visit visit) {
  return is_object(object) && for_each(object, context, visit);
}

Json nullable(Json schema) {
  if (schema.empty()) return schema;
  return {{"anyOf", Json::array({std::move(schema), {{"type", "null"}}})}};
}

std::string with_reason(std::string expected, std::string_view what) {
  constexpr std::size_t kReasonBytesMax = 200;
  // "[json.exception.out_of_range.403] key 'y' not found"
  const std::size_t prefix = what.find("] ");
  if (prefix != std::string_view::npos) what.remove_prefix(prefix + 2);
  std::size_t size = std::min(what.size(), kReasonBytesMax);
  while (size < what.size() && size > 0 && (static_cast<unsigned char>(what[size]) & 0xC0) == 0x80) --size;
  return expected.append(": ").append(what.substr(0, size)).append(size < what.size() ? "..." : "");
}

std::string integer_range(std::string least, std::string greatest) {
  return "an integer from " + least + " to " + greatest;
}

}  // namespace detail
}  // namespace sluice
