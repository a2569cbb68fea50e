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

struct Listing {
  std::string methods;   // arrays, as JSON text
  std::string prefixes;  // whose names a backend has not all named
};

Result<Listing> fetch_methods(const CommandLine& line) {
  const Result<std::string> document = fetch_result(line, "rpc.discover", "");
  if (!document) return document.error();
  const std::string_view methods = proto::member(document.value(), "methods").value_or("");
  if (!methods.starts_with('[')) return unreachable("the answer to rpc.discover is not an OpenRPC document");
  const std::string_view prefixes = proto::member(document.value(), "x-prefixes").value_or("");
  return Listing{std::string(methods), std::string(prefixes.starts_with('[') ? prefixes : "[]")};
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
  const Result<Listing> listing = fetch_methods(line);
  if (!listing) return listing.error();
  std::vector<std::pair<std::string, std::string>> listed;
  std::size_t width = 0;
  const auto list = [&](std::string_view entry, std::string text) {
    listed.emplace_back(text_of(entry, "name"), first_line(std::move(text)));
    width = std::max(width, listed.back().first.size());
  };
  for (proto::JsonWalker walker(listing.value().methods); walker.next();)
    list(walker.value(), text_of(walker.value(), "summary"));
  for (proto::JsonWalker walker(listing.value().prefixes); walker.next();)
    list(walker.value(), "served by backend " + text_of(walker.value(), "backend"));
  for (auto& [name, summary] : listed) {
    if (!summary.empty()) name.resize(width + 2, ' ');
    print_line(name + summary);
  }
  return ExitCode::ok;
}

Outcome run_describe(const CommandLine& line) {
  const Result<Listing> listing = fetch_methods(line);
  if (!listing) return listing.error();
  const std::string& wanted = line.operands.front();
  std::string_view found;
  for (proto::JsonWalker walker(listing.value().methods); walker.next();) {
    if (text_of(walker.value(), "name") == wanted) found = walker.value();
  }
  if (found.empty()) {
    return Failure{ExitCode::rpc_error, "no method '" + wanted + "'; `sluice methods` lists what there is"};
  }
  print_json_indented(found);
  return ExitCode::ok;
}

}  // namespace sluice::client
