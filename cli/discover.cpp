// `methods` and `describe`: both read the server's OpenRPC document.
#include <algorithm>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/exchange.hpp"
#include "cli/json_text.hpp"
#include "cli/output.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

Result<std::string> fetch_methods(const CommandLine& line) {
  const Result<std::string> document = fetch_result(line, "rpc.discover", "");
  if (!document) return document.error();
  const std::string_view methods = proto::member(document.value(), "methods").value_or("");
  if (!methods.starts_with('[')) return unreachable("the answer to rpc.discover is not an OpenRPC document");
  return std::string(methods);
}

std::string text_of(std::string_view method, std::string_view member) {
  return unquote_json(proto::member(method, member).value_or(""));
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
  for (proto::JsonWalker walker(methods.value()); walker.next();) {
    listed.emplace_back(text_of(walker.value(), "name"), first_line(text_of(walker.value(), "summary")));
    width = std::max(width, listed.back().first.size());
  }
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
  for (proto::JsonWalker walker(methods.value()); walker.next();) {
    if (text_of(walker.value(), "name") == wanted) found = walker.value();
  }
  if (found.empty()) {
    return Failure{ExitCode::rpc_error, "no method '" + wanted + "'; `sluice methods` lists what there is"};
  }
  print_json_indented(found);
  return ExitCode::ok;
}

}  // namespace sluice::client
