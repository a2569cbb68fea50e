#include "proto/response_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "proto/json_text.hpp"

namespace sluice::proto {
namespace {

constexpr std::string_view kBeforeId = R"({"jsonrpc":"2.0","id":)";
constexpr std::string_view kBeforeResult = R"(,"result":)";
constexpr std::size_t kUsualIdBytesMax = 64;

// Ids have a few bytes, for which a call of memcpy() takes longer than this.
char* copy_short(std::string_view text, char* to) {
  const auto move = [&](std::size_t at, auto bytes) { std::memcpy(to + at, text.data() + at, bytes); };
  const std::size_t size = text.size();
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) move(at, 8);
    move(size - 8, 8);
  } else if (size >= 4) {
    move(0, 4);
    move(size - 4, 4);
  } else if (size > 0) {
    to[0] = text[0];
    to[size / 2] = text[size / 2];
    to[size - 1] = text[size - 1];
  }
  return to + size;
}

}  // namespace

void begin_result(std::string& out, std::string_view id) {
  if (id.size() > kUsualIdBytesMax) {
    out.append(kBeforeId).append(id).append(kBeforeResult);
    return;
  }
  // One append takes half the instructions of three.
  std::array<char, kBeforeId.size() + kUsualIdBytesMax + kBeforeResult.size()> head;
  char* end = std::copy(kBeforeId.begin(), kBeforeId.end(), head.data());
  end = copy_short(id, end);
  end = std::copy(kBeforeResult.begin(), kBeforeResult.end(), end);
  out.append(head.data(), static_cast<std::size_t>(end - head.data()));
}

void append_error(std::string& out, std::string_view id, const Error& error) {
  out.append(kBeforeId).append(id);
  out += R"(,"error":{"code":)";
  out += std::to_string(error.code);
  out += R"(,"message":)";
  append_quoted(out, error.message);
  if (!error.data.empty()) {
    out += R"(,"data":)";
    out += error.data;
  }
  out += "}}";
}

void append_error_text(std::string& out, std::string_view id, std::string_view error) {
  out.append(kBeforeId).append(id);
  out += R"(,"error":)";
  out += error;
  out += '}';
}

std::string error_reply(std::string_view id, const Error& error) {
  std::string out;
  append_error(out, id, error);
  return out;
}

}  // namespace sluice::proto
