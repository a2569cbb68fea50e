#include "lib/access/client_rules.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "lib/access/method_patterns.hpp"
#include "lib/access/subject.hpp"
#include "lib/access/token.hpp"
#include "lib/access/token_bucket.hpp"
#include "lib/access/topic_pattern.hpp"
#include "lib/base/user_namespace.hpp"
#include "lib/observe/log.hpp"

namespace sluice::core {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kSubjectBytesMax = 1024;
constexpr std::array<std::string_view, 4> kCredentials = {"token_sha256", "user", "group", "certificate"};

bool is_client_name(std::string_view text) {
  const auto fits = [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\'; };
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, fits);
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// The value of a key that must differ between clients, as text.
std::string value_of(const ClientSettings& client, std::string_view key) {
  if (key == "name") return client.name;
  if (key == "token_sha256") return lower(client.token_sha256);
  if (key == "user") return client.user ? std::to_string(*client.user) : "";
  if (key == "group") return client.group ? std::to_string(*client.group) : "";
  return canonical_subject(client.certificate).value_or(client.certificate);
}

std::string whose(const ClientSettings& client) {
  return client.name.empty() ? "another client's" : "client " + client.name + "'s";
}

class Check {
 public:
  explicit Check(const std::vector<GivenClient>& clients) : clients_(clients) {
    for (std::size_t i = 0; i < clients.size(); ++i) check(i);
    for (const std::string_view key : {"name", "token_sha256", "user", "group", "certificate"}) {
      check_shared(key);
    }
  }
  std::vector<ClientProblem> take() { return std::move(problems_); }

 private:
  void complain(std::size_t client, std::string_view key, std::string message) {
    problems_.push_back({client, std::string(key), std::move(message)});
  }

  void check(std::size_t index) {
    const GivenClient& client = clients_[index];
    if (!client.keys.contains("name")) {
      complain(index, "", "client.name is missing; each client has one of its own");
    }
    check_credentials(index);
    if (client.keys.contains("burst") && !client.keys.contains("rate")) {
      complain(index, "burst", "client.burst has no meaning without client.rate");
    }
    const auto& methods = client.settings.methods;
    const auto excludes = [](const std::string& pattern) { return pattern.starts_with('!'); };
    if (methods && !methods->empty() && std::ranges::all_of(*methods, excludes)) {
      complain(index, "methods",
               "client.methods excludes methods but allows none; \"*\" beside them allows all others");
    }
  }

  void check_credentials(std::size_t index) {
    const auto& [settings, keys] = clients_[index];
    const auto credential =
        std::ranges::find_if(kCredentials, [&](std::string_view key) { return keys.contains(key); });
    if (settings.name != "anonymous") {
      // A plain token was meant as the credential; its own error is reported elsewhere.
      if (credential != kCredentials.end() || keys.contains("token") || settings.name.empty()) return;
      complain(index, "",
               fmt::format("client {} has no credentials; it takes one or more of: {}", settings.name,
                           fmt::join(kCredentials, ", ")));
    } else if (credential != kCredentials.end()) {
      complain(index, *credential,
               fmt::format("client.{} is not for \"anonymous\", which stands for unauthenticated clients",
                           *credential));
    }
  }

  void check_shared(std::string_view key) {
    std::map<std::string, std::size_t> taken;
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      const std::string value = value_of(clients_[i].settings, key);
      if (value.empty()) continue;
      const auto [first, is_new] = taken.emplace(value, i);
      if (is_new) continue;
      complain(i, key,
               fmt::format("client.{} is the same as {}, so their calls cannot be distinguished", key,
                           whose(clients_[first->second].settings)));
    }
  }

  const std::vector<GivenClient>& clients_;
  std::vector<ClientProblem> problems_;
};

// The settings that a program has set.
GivenClient given(const ClientSettings& settings) {
  GivenClient client{settings, {}};
  const auto add = [&client](bool is_given, const char* key) {
    if (is_given) client.keys.insert(key);
  };
  add(!settings.name.empty(), "name");
  add(!settings.token_sha256.empty(), "token_sha256");
  add(settings.user.has_value(), "user");
  add(settings.group.has_value(), "group");
  add(!settings.certificate.empty(), "certificate");
  add(settings.rate != 0, "rate");
  add(settings.burst != 0, "burst");
  return client;
}

void require(bool fits, const ClientSettings& client, std::string_view key, std::string_view allowed) {
  if (fits) return;
  const std::string_view name = is_client_name(client.name) ? std::string_view(client.name) : "?";
  throw std::invalid_argument(fmt::format("client {}: {} is not allowed; it takes {}", name, key, allowed));
}

void require(const TextForm& form, const std::string& value, const ClientSettings& client,
             std::string_view key) {
  require(value.empty() || form.fits(value), client, key, form.allowed);
}

void require(const TextForm& form, const std::vector<std::string>& values, const ClientSettings& client,
             std::string_view key) {
  const bool fit = values.size() <= kPatternsMax && std::ranges::all_of(values, form.fits);
  require(fit, client, key, form.allowed);
}

void check_values(const ClientSettings& client) {
  require(client_name_form(), client.name, client, "name");
  require(token_digest_form(), client.token_sha256, client, "token_sha256");
  require(subject_form(), client.certificate, client, "certificate");
  // The highest id means "no id".
  constexpr std::uint32_t kNoId = std::numeric_limits<std::uint32_t>::max();
  require(client.user != kNoId && client.group != kNoId, client, "user or group",
          "a number below 4294967295");
  const OverflowIds& overflow = OverflowIds::own();
  const bool unmapped = (client.user && overflow.is_overflow_user(*client.user)) ||
                        (client.group && overflow.is_overflow_group(*client.group));
  require(!unmapped, client, "user or group", "an id that is mapped in this user namespace");
  if (client.methods) require(method_pattern_form(), *client.methods, client, "methods");
  require(topic_pattern_form(), client.subscribe, client, "subscribe");
  require(topic_pattern_form(), client.publish, client, "publish");
  // Written so that NaN is refused as well.
  require(client.rate == 0 || (client.rate >= kRateMin && client.rate <= kRateMax), client, "rate",
          fmt::format("a number from {} to {}", kRateMin, kRateMax));
  require(client.burst <= kBurstMax, client, "burst", fmt::format("at most {}", kBurstMax));
}

bool is_subject(std::string_view text) {
  return text.size() <= kSubjectBytesMax && canonical_subject(text).has_value();
}

}  // namespace

const TextForm& client_name_form() {
  static const TextForm form{
      fmt::format("1 to {} visible ASCII characters other than \", = and \\", kNameBytesMax), is_client_name};
  return form;
}

const TextForm& token_digest_form() {
  static const TextForm form{"the SHA-256 of a token as 64 hexadecimal digits, which `sluice token` prints",
                             [](std::string_view text) { return parse_digest(text).has_value(); }};
  return form;
}

const TextForm& subject_form() {
  static const TextForm form{
      fmt::format("a certificate's subject as RFC 2253 writes it, such as \"CN=deploy\" or "
                  "\"CN=deploy,O=Example\", of at most {} bytes",
                  kSubjectBytesMax),
      is_subject};
  return form;
}

const TextForm& method_pattern_form() {
  static const TextForm form{
      fmt::format(
          "an array of at most {} names of methods, prefixes such as \"calc.*\", \"*\", or any of them "
          "behind a ! for what is excluded",
          kPatternsMax),
      MethodPatterns::is_pattern};
  return form;
}

const TextForm& topic_pattern_form() {
  static const TextForm form{
      fmt::format("an array of at most {} topics such as \"orders.eu\", prefixes that end at a dot, such as "
                  "\"orders.*\", or \"*\"",
                  kPatternsMax),
      [](std::string_view text) { return TopicPattern::parse(text).has_value(); }};
  return form;
}

std::vector<ClientProblem> client_problems(const std::vector<GivenClient>& clients) {
  return Check(clients).take();
}

void check_clients(const std::vector<ClientSettings>& clients) {
  std::vector<GivenClient> all;
  for (const ClientSettings& client : clients) {
    check_values(client);
    all.push_back(given(client));
  }
  const auto problems = client_problems(all);
  if (!problems.empty()) throw std::invalid_argument(problems.front().message);
}

}  // namespace sluice::core
