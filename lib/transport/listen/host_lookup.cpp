#include "lib/transport/listen/host_lookup.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include <netdb.h>

namespace sluice::core {
namespace {

std::atomic<int> lookups{0};

bool same(const HostAddress& left, const HostAddress& right) {
  return left.size == right.size && std::memcmp(&left.name, &right.name, left.size) == 0;
}

// The resolver's error code; 0: found. A hosts file may make it return an address twice.
int look_up(const std::string& host, int flags, std::vector<HostAddress>& found) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | flags;
  addrinfo* first = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &first);
  if (error != 0) return error;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(first, &::freeaddrinfo);
  for (const addrinfo* each = first; each != nullptr; each = each->ai_next) {
    HostAddress address;
    std::memcpy(&address.name, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
    const bool known =
        std::ranges::any_of(found, [&](const HostAddress& other) { return same(other, address); });
    if (!known) found.push_back(address);
  }
  return 0;
}

}  // namespace

void HostAddress::set_port(std::uint16_t port) {
  // The same offset in both families.
  reinterpret_cast<sockaddr_in&>(name).sin_port = htons(port);
}

// Shared with the thread, which may outlive the waiting one.
struct HostLookups::Lookup {
  std::mutex mutex;
  std::condition_variable_any done_or_stopped;
  bool done = false;
  int error = 0;
  std::vector<HostAddress> found;
};

HostLookups::HostLookups(const std::vector<std::string>& hosts, TimePoint until, std::stop_token stop)
    : until_(until), stop_(std::move(stop)) {
  for (const std::string& host : hosts) {
    if (!lookups_.contains(host)) begin(host);
  }
}

void HostLookups::begin(const std::string& host) {
  const auto lookup = std::make_shared<Lookup>();
  lookups_.emplace(host, lookup);
  if (look_up(host, AI_NUMERICHOST, lookup->found) == 0) {
    lookup->done = true;
    return;
  }
  const auto fail = [&lookup] {
    lookup->error = EAI_AGAIN;
    lookup->done = true;
  };
  if (lookups.fetch_add(1) >= kLookupsMax) {
    lookups.fetch_sub(1);
    return fail();
  }
  try {
    std::thread([lookup, host] {
      std::vector<HostAddress> found;
      int error = EAI_MEMORY;
      try {
        error = look_up(host, 0, found);
      } catch (const std::bad_alloc&) {
        // An exception must not leave the thread.
      }
      lookups.fetch_sub(1);
      const std::lock_guard lock(lookup->mutex);
      lookup->found = std::move(found);
      lookup->error = error;
      lookup->done = true;
      lookup->done_or_stopped.notify_all();
    }).detach();
  } catch (const std::exception&) {
    // The thread, or its memory, could not be created.
    lookups.fetch_sub(1);
    fail();
  }
}

Result<std::vector<HostAddress>, LookupProblem> HostLookups::addresses_of(const std::string& host) {
  if (!lookups_.contains(host)) begin(host);
  Lookup& lookup = *lookups_.at(host);
  std::unique_lock lock(lookup.mutex);
  const bool done = lookup.done_or_stopped.wait_until(lock, stop_, until_, [&lookup] { return lookup.done; });
  if (!done && stop_.stop_requested()) return LookupProblem{"the look-up was stopped"};
  if (!done) return LookupProblem{"the name was not looked up in time"};
  if (lookup.error != 0) return LookupProblem{::gai_strerror(lookup.error)};
  if (lookup.found.empty()) return LookupProblem{"the name has no address"};
  return lookup.found;
}

}  // namespace sluice::core
