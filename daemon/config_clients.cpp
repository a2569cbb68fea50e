#include "daemon/config_clients.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::daemon {

namespace {

constexpr std::array<std::string_view, 4> kProofs = {"token_sha256", "user", "group", "certificate"};

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// A value that no two entries may share, as text to compare.
std::string value_of(const core::ClientSettings& client, std::string_view key) {
  if (key == "name") return client.name;
  if (key == "token_sha256") return lower(client.token_sha256);
  if (key == "user") return client.user ? std::to_string(*client.user) : "";
  if (key == "group") return client.group ? std::to_string(*client.group) : "";
  return client.certificate;
}

class Check {
 public:
  explicit Check(const std::vector<ClientEntry>& entries) {
    for (const ClientEntry& entry : entries) check(entry);
    for (const std::string_view key : {"name", "token_sha256", "user", "group", "certificate"}) {
      check_shared(entries, key);
    }
  }
  std::vector<ClientMistake> take() { return std::move(mistakes_); }

 private:
  void complain(TextPlace where, std::string message) { mistakes_.push_back({where, std::move(message)}); }

  void check(const ClientEntry& entry) {
    const auto given = [&entry](std::string_view key) { return entry.keys.find(key) != entry.keys.end(); };
    if (!given("name")) complain(entry.where, "client.name is missing; each client has one of its own");
    check_proofs(entry);
    if (given("burst") && !given("rate")) {
      complain(entry.keys.find("burst")->second, "client.burst has no meaning without client.rate");
    }
    const auto& methods = entry.settings.methods;
    const auto excludes = [](const std::string& pattern) { return pattern.starts_with('!'); };
    if (methods && !methods->empty() && std::ranges::all_of(*methods, excludes)) {
      complain(entry.keys.find("methods")->second,
               "client.methods excludes methods but allows none; \"*\" beside them allows all others");
    }
  }

  void check_proofs(const ClientEntry& entry) {
    const auto given = [&entry](std::string_view key) { return entry.keys.find(key) != entry.keys.end(); };
    const auto proof = std::ranges::find_if(kProofs, given);
    if (entry.settings.name != "anonymous") {
      // A plain token was meant to be one, and is complained about where it stands.
      if (proof != kProofs.end() || given("token") || entry.settings.name.empty()) return;
      complain(entry.where, fmt::format("client {} has nothing to be known by; it takes one or more of: {}",
                                        entry.settings.name, fmt::join(kProofs, ", ")));
    } else if (proof != kProofs.end()) {
      complain(entry.keys.find(*proof)->second,
               fmt::format("client.{} is not for \"anonymous\", which is whoever proves nothing", *proof));
    }
  }

  void check_shared(const std::vector<ClientEntry>& entries, std::string_view key) {
    std::map<std::string, const ClientEntry*> taken;
    for (const ClientEntry& entry : entries) {
      const std::string value = value_of(entry.settings, key);
      if (value.empty()) continue;
      const auto [first, is_new] = taken.emplace(value, &entry);
      if (is_new) continue;
      complain(entry.keys.find(key)->second, fmt::format("client.{} is the same as client {}'s; it would not "
                                                         "be known which of them calls",
                                                         key, first->second->settings.name));
    }
  }

  std::vector<ClientMistake> mistakes_;
};

}  // namespace

std::vector<ClientMistake> client_mistakes(const std::vector<ClientEntry>& entries) {
  return Check(entries).take();
}

}  // namespace sluice::daemon
