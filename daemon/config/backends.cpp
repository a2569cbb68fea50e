#include "daemon/config/backends.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>

#include "lib/access/method_patterns.hpp"
#include "lib/backend/upstream/secrets.hpp"
#include "lib/backend/upstream/url.hpp"
#include "lib/observe/log.hpp"

namespace sluice::daemon {

namespace {

// A kind of backend, the key that makes an entry one, and the keys that mean nothing without it.
struct Kind {
  std::string_view key;
  std::string_view what;
  std::vector<std::string_view> own;
};

const std::array<Kind, 3>& kinds() {
  static const std::array<Kind, 3> all = {
      Kind{"command",
           "child processes",
           {"instances", "concurrency", "start", "kill_after", "env", "working_directory", "user",
            "memory_limit", "cpu_limit", "breaker", "queue", "dialect", "env_clear", "watch"}},
      Kind{"url",
           "an upstream",
           {"strip_prefix", "connections", "concurrency", "connect_timeout", "idle_timeout", "probe_interval",
            "retry", "hedge", "ca", "breaker", "queue", "dialect", "headers", "user", "password_file"}},
      Kind{"module", "a C++ module", {}},
  };
  return all;
}

class Check {
 public:
  explicit Check(const std::vector<BackendEntry>& entries) {
    for (const BackendEntry& entry : entries) {
      check_name(entry);
      check_kind(entry);
      check_methods(entry);
      if (!entry.upstream.urls.empty()) check_credentials(entry);
    }
  }
  std::vector<BackendProblem> take() { return std::move(problems_); }

 private:
  void complain(SourceLocation where, std::string message) {
    problems_.push_back({where, std::move(message)});
  }
  static bool given(const BackendEntry& entry, std::string_view key) {
    return entry.keys.find(key) != entry.keys.end();
  }
  static SourceLocation location(const BackendEntry& entry, std::string_view key) {
    return entry.keys.find(key)->second;
  }

  void check_name(const BackendEntry& entry) {
    if (!given(entry, "name")) {
      return complain(entry.where, "backend.name is missing; each backend has one of its own");
    }
    const auto [at, is_new] = names_.emplace(entry.settings.name, &entry);
    if (!is_new && !entry.settings.name.empty()) {
      complain(location(entry, "name"),
               fmt::format("backend.name \"{}\" is the name of another backend already", at->first));
    }
  }

  void check_kind(const BackendEntry& entry) {
    const Kind* kind = nullptr;
    for (const Kind& each : kinds()) {
      if (!given(entry, each.key)) continue;
      if (kind != nullptr) {
        return complain(
            location(entry, each.key),
            fmt::format("backend.{} (for {}) and backend.{} (for {}) are both set; use one backend for each",
                        each.key, each.what, kind->key, kind->what));
      }
      kind = &each;
    }
    if (kind == nullptr) {
      return complain(entry.where,
                      "what serves it is missing: backend.command, backend.url or "
                      "backend.module");
    }
    for (const auto& [key, where] : entry.keys) {
      const std::string_view name = key;
      const auto owns = [name](const Kind& each) {
        return std::ranges::find(each.own, name) != each.own.end();
      };
      if (owns(*kind) || std::ranges::none_of(kinds(), owns)) continue;
      complain(where, fmt::format("backend.{} has no meaning for {}", name, kind->what));
    }
  }

  void check_credentials(const BackendEntry& entry) {
    for (const char* key : {"headers", "user", "password_file"}) {
      if (!given(entry, key)) continue;
      for (const std::string& url : entry.upstream.urls) {
        const auto parsed = core::parse_upstream_url(url);
        if (parsed && parsed->kind != core::UpstreamUrl::Kind::stream) continue;
        complain(location(entry, key),
                 fmt::format("backend.{} has no meaning for a tcp:// or unix:// URL", key));
        break;
      }
    }
    check_headers(entry);
    check_user(entry);
  }

  void check_headers(const BackendEntry& entry) {
    std::set<std::string> names;
    for (const auto& [name, value] : entry.upstream.headers) {
      std::string lowered = name;
      std::ranges::transform(lowered, lowered.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      });
      if (core::is_own_header(name)) {
        complain(location(entry, "headers"),
                 fmt::format("backend.headers.{} is the server's own to set; others may be given", name));
      } else if (!names.insert(std::move(lowered)).second) {
        complain(location(entry, "headers"), fmt::format("backend.headers.{} is given twice", name));
      } else if (core::is_authorization(name) && given(entry, "user")) {
        complain(location(entry, "user"),
                 fmt::format("backend.user and backend.headers.{} both set credentials; use one", name));
      }
    }
  }

  void check_user(const BackendEntry& entry) {
    if (given(entry, "user") != given(entry, "password_file")) {
      const bool user = given(entry, "user");
      return complain(location(entry, user ? "user" : "password_file"),
                      fmt::format("backend.{} needs backend.{} beside it", user ? "user" : "password_file",
                                  user ? "password_file" : "user"));
    }
    const auto unfit = [](char c) { return c == ':' || static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    if (given(entry, "user") && std::ranges::any_of(entry.user, unfit)) {
      complain(location(entry, "user"), "backend.user takes a name without colons and control characters");
    }
  }

  void check_methods(const BackendEntry& entry) {
    const bool module = given(entry, "module");
    if (!given(entry, "methods")) {
      if (module) return;  // it brings its own
      return complain(entry.where,
                      "backend.methods is missing; it takes names, prefixes such as \"calc.*\", or "
                      "\"discover\"");
    }
    const SourceLocation where = location(entry, "methods");
    if (module) return complain(where, "backend.methods has no meaning for a C++ module, which has its own");
    if (entry.methods.discover && entry.child.lazy) {
      complain(where,
               "backend.methods = \"discover\" needs a running process, which start = \"lazy\" "
               "does not start");
    }
    for (const std::string& pattern : entry.methods.patterns) check_pattern(entry, pattern, where);
  }

  void check_pattern(const BackendEntry& entry, const std::string& pattern, SourceLocation where) {
    if (pattern.starts_with("!")) {
      return complain(where, fmt::format("\"{}\" can't be a backend's method: nothing can be excluded here; "
                                         "[[client]] methods can exclude",
                                         pattern));
    }
    if (pattern.starts_with("rpc.") || pattern.starts_with("$/")) {
      return complain(where, fmt::format("\"{}\" can't be a backend's method: names that begin with rpc. or "
                                         "$/ are the server's own",
                                         pattern));
    }
    if (!core::MethodPatterns::other_name(pattern).empty()) {
      return complain(where, fmt::format("\"{}\" can't be a backend's method: it is another name of the "
                                         "server's own {}",
                                         pattern, core::MethodPatterns::other_name(pattern)));
    }
    const auto [at, is_new] = methods_.emplace(pattern, &entry);
    if (is_new || entry.settings.name.empty()) return;
    complain(where,
             fmt::format("\"{}\" is a method of backend {} already", pattern, at->second->settings.name));
  }

  std::vector<BackendProblem> problems_;
  std::map<std::string, const BackendEntry*> names_;
  std::map<std::string, const BackendEntry*> methods_;
};

// Whether a name, or one of those that a prefix such as "a.*" stands for, begins with `prefix`.
bool may_begin_with(std::string_view pattern, std::string_view prefix) {
  if (!pattern.ends_with('*')) return pattern.starts_with(prefix);
  pattern.remove_suffix(1);
  return pattern.starts_with(prefix) || prefix.starts_with(pattern);
}

// Whether a name can match both: exact names, or prefixes such as "a.*".
bool may_both_match(std::string_view left, std::string_view right) {
  if (left.ends_with('*')) return may_begin_with(right, left.substr(0, left.size() - 1));
  return right.ends_with('*') ? left.starts_with(right.substr(0, right.size() - 1)) : left == right;
}

// Warns of each pattern of `key` that matches no method of the backend.
void doubt_patterns(std::vector<BackendProblem>& doubts, const BackendEntry& entry, const std::string& key,
                    std::string_view path, const std::vector<std::string>& patterns) {
  if (entry.methods.discover) return;
  for (const std::string& pattern : patterns) {
    const auto matches = [&](const std::string& method) { return may_both_match(pattern, method); };
    if (pattern.starts_with('!') || std::ranges::any_of(entry.methods.patterns, matches)) continue;
    doubts.push_back(
        {entry.keys.at(key), fmt::format("{} has \"{}\", which no method of backend.methods matches", path,
                                         core::printable(pattern))});
  }
}

void start_from(const std::string& config_file, std::string& name) {
  const std::size_t slash = config_file.rfind('/');
  if (name.empty() || name.starts_with('/') || slash == std::string::npos) return;
  name.insert(0, config_file, 0, slash + 1);
}

}  // namespace

std::vector<BackendProblem> backend_problems(const std::vector<BackendEntry>& entries) {
  return Check(entries).take();
}

std::vector<BackendProblem> backend_doubts(const std::vector<BackendEntry>& entries) {
  std::vector<BackendProblem> doubts;
  for (const BackendEntry& entry : entries) {
    const core::UpstreamSettings& upstream = entry.upstream;
    if (upstream.urls.empty()) continue;
    if (upstream.retry.attempts > 1 && upstream.retry.methods.empty()) {
      doubts.push_back(
          {entry.keys.at("retry"), "backend.retry has no methods, so that no call is made again"});
    }
    doubt_patterns(doubts, entry, "retry", "backend.retry.methods", upstream.retry.methods);
    doubt_patterns(doubts, entry, "hedge", "backend.hedge", upstream.hedge);
    if (!upstream.strip_prefix.empty() && !entry.methods.discover &&
        std::ranges::none_of(entry.methods.patterns, [&](const std::string& pattern) {
          return may_begin_with(pattern, upstream.strip_prefix);
        })) {
      doubts.push_back(
          {entry.keys.at("strip_prefix"), "no method of backend.methods begins with backend.strip_prefix"});
    }
  }
  return doubts;
}

core::BackendSettings backend_of(BackendEntry entry, const std::string& config_file) {
  core::BackendSettings settings = std::move(entry.settings);
  settings.methods = std::move(entry.methods.patterns);
  settings.discover = entry.methods.discover;
  start_from(config_file, settings.module);
  if (!entry.child.command.empty()) {
    settings.child = std::move(entry.child);
    settings.child->user = std::move(entry.user);
    if (entry.concurrency > 0) settings.child->concurrency = entry.concurrency;
    start_from(config_file, settings.child->directory);
  } else if (!entry.upstream.urls.empty()) {
    settings.upstream = std::move(entry.upstream);
    settings.upstream->user = std::move(entry.user);
    start_from(config_file, settings.upstream->password_file);
    for (auto& [name, value] : settings.upstream->headers) start_from(config_file, value.file);
    if (entry.concurrency > 0) settings.upstream->concurrency = entry.concurrency;
    start_from(config_file, settings.upstream->ca);
  }
  return settings;
}

}  // namespace sluice::daemon
