#include "lib/access/client_list.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "lib/access/subject.hpp"

namespace sluice::core {
namespace {

// The text of an IPv6 address's network; other addresses stay as they are.
std::string network_of(const std::string& address) {
  constexpr std::size_t kNetworkBytes = 8;
  const std::string number = address.substr(0, address.find('%'));
  in6_addr v6{};
  if (::inet_pton(AF_INET6, number.c_str(), &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6)) return address;
  std::fill(std::begin(v6.s6_addr) + kNetworkBytes, std::end(v6.s6_addr), std::uint8_t{0});
  char text[INET6_ADDRSTRLEN] = {};
  return ::inet_ntop(AF_INET6, &v6, text, sizeof text);
}

TopicRights topic_rights(const std::vector<std::string>& texts) {
  std::vector<TopicPattern> patterns;
  for (const std::string& text : texts) {
    auto pattern = TopicPattern::parse(text);
    if (!pattern) throw std::invalid_argument("a client's subscribe and publish are patterns of topics");
    patterns.push_back(std::move(pattern).value());
  }
  return TopicRights(without_covered(std::move(patterns)));
}

std::shared_ptr<const Client> make_client(const ClientSettings& settings) {
  auto client = std::make_shared<Client>();
  client->name = settings.name;
  if (!settings.token_sha256.empty()) {
    client->token = parse_digest(settings.token_sha256);
    if (!client->token) throw std::invalid_argument("a client's token_sha256 is 64 hexadecimal digits");
  }
  client->user = settings.user;
  client->group = settings.group;
  client->certificate = canonical_subject(settings.certificate).value_or(settings.certificate);
  if (settings.methods) client->methods = MethodPatterns(*settings.methods);
  client->rate = Rate(settings.rate, settings.burst);
  client->in_flight_max = settings.max_in_flight;
  client->subscribe = topic_rights(settings.subscribe);
  client->publish = topic_rights(settings.publish);
  return client;
}

}  // namespace

std::string Credentials::peer() const {
  return user ? "user " + std::to_string(user->id) : network_of(address);
}

ClientList::ClientList(const std::vector<ClientSettings>& settings, const ClientList& before) {
  for (const ClientSettings& each : settings) add(each, before);
}

void ClientList::add(const ClientSettings& settings, const ClientList& before) {
  const auto client = make_client(settings);
  if (client->anonymous()) {
    anonymous_ = client;
    return;
  }
  // Also for a client without limits: a reload may set limits while its calls run.
  const auto usage = before.usage_of(client->name);
  entries_.push_back({client, usage, std::make_shared<const Grant>(client, usage)});
}

std::shared_ptr<Usage> ClientList::usage_of(const std::string& name) const {
  const auto found = std::ranges::find(entries_, name, [](const Entry& entry) { return entry.client->name; });
  return found != entries_.end() ? found->usage : std::make_shared<Usage>();
}

// Compares all of them, so that the time does not show which one was close.
const ClientList::Entry* ClientList::find_token(const TokenDigest& token) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    if (entry.client->token && same_digest(*entry.client->token, token)) found = &entry;
  }
  return found;
}

std::shared_ptr<const Grant> ClientList::find(const Credentials& credentials) const {
  if (credentials.token) {
    if (const Entry* const entry = find_token(*credentials.token)) return entry->grant;
  }
  const auto first = [this](const auto& proves) {
    const auto found =
        std::ranges::find_if(entries_, [&](const Entry& entry) { return proves(*entry.client); });
    return found == entries_.end() ? nullptr : found->grant;
  };
  const auto by_certificate = [&](const Client& client) {
    return !client.certificate.empty() && client.certificate == credentials.certificate;
  };
  const auto by_user = [&](const Client& client) { return client.user == credentials.user->id; };
  const auto by_group = [&](const Client& client) {
    return client.group &&
           std::ranges::find(credentials.user->groups, *client.group) != credentials.user->groups.end();
  };
  if (auto grant = first(by_certificate)) return grant;
  if (!credentials.user) return nullptr;
  if (auto grant = first(by_user)) return grant;
  return first(by_group);
}

}  // namespace sluice::core
