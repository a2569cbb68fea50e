// `methods` and `describe`: both read the server's OpenRPC document.
#include <algorithm>
#include <utility>
#include <vector>

#include "daemon/client/commands.hpp"
#include "daemon/client/exchange.hpp"
#include "daemon/client/json_text.hpp"
#include "daemon/client/output.hpp"

namespace sluice::client {
namespace {

Result<std::string> fetch_methods(const CommandLine& line) {
  const Result<std::string> document = fetch_result(line, "rpc.discover", "");
  if (!document) return document.error();
  const std::string_view methods = find_member(*document, "methods");
  if (!methods.starts_with('[')) return unreachable("the answer to rpc.discover is no OpenRPC document");
  return std::string(methods);
}

// A summary that would break the listing is cut at its first line.
std::string first_line(std::string text) {
  text.resize(std::min(text.size(), text.find_first_of("\r\n")));
  return text;
}

}  // namespace

Outcome run_methods(const CommandLine& line) {
  const Result<std::string> methods = fetch_methods(line);
  if (!methods) return methods.error();
  std::vector<std::pair<std::string, std::string>> listed;
  std::size_t width = 0;
  visit_elements(*methods, [&](std::string_view method) {
    listed.emplace_back(unquote_json(find_member(method, "name")),
                        first_line(unquote_json(find_member(method, "summary"))));
    width = std::max(width, listed.back().first.size());
  });
  for (auto& [name, summary] : listed) {
    if (!summary.empty()) name.resize(width + 2, ' ');
    print_line(name + summary);
  }
  return ExitCode::ok;
}

Outcome run_describe(const CommandLine& line) {
  const Result<std::string> methods = fetch_methods(line);
  if (!methods) return methods.error();
  const std::string& wanted = line.operands.front();
  std::string_view found;
  visit_elements(*methods, [&](std::string_view method) {
    if (unquote_json(find_member(method, "name")) == wanted) found = method;
  });
  if (found.empty()) {
    return Failure{ExitCode::rpc_error, "no method '" + wanted + "'; `sluice methods` lists what there is"};
  }
  print_json_indented(found);
  return ExitCode::ok;
}

}  // namespace sluice::client
