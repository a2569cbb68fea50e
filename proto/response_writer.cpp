#include "proto/response_writer.hpp"

#include "proto/json_text.hpp"

namespace sluice::proto {

void begin_result(std::string& out, std::string_view id) {
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"result":)";
}

void append_error(std::string& out, std::string_view id, const Error& error) {
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
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
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
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
