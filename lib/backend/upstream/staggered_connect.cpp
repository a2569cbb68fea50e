#include "lib/backend/upstream/staggered_connect.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice::core {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

}  // namespace

// Lives as long as an operation of its is under way.
struct StaggeredConnect::Race : std::enable_shared_from_this<Race> {
  Race(asio::io_context& in, std::vector<Endpoint> to, std::chrono::milliseconds pause, Done then)
      : context(in), timer(in), endpoints(std::move(to)), stagger(pause), done(std::move(then)) {
    attempts.resize(endpoints.size());
  }

  void try_next() {
    if (next == endpoints.size()) {
      if (under_way == 0) end(failure);
      return;
    }
    const std::size_t index = next++;
    ++under_way;
    attempts[index].emplace(context);
    attempts[index]->async_connect(endpoints[index], [self = shared_from_this(), index](error_code error) {
      self->on_tried(index, error);
    });
    if (next < endpoints.size()) wait();
  }

  void wait() {
    timer.expires_after(stagger);
    timer.async_wait([self = shared_from_this(), after = next](error_code error) {
      // Another may have been tried meanwhile, because one has failed.
      if (!error && self->done && self->next == after) self->try_next();
    });
  }

  void on_tried(std::size_t index, error_code error) {
    if (!done) return;
    --under_way;
    if (!error) return end({}, &*attempts[index]);
    failure = error;
    attempts[index].reset();
    try_next();
  }

  void end(error_code error, Socket* connected = nullptr) {
    Socket socket = connected != nullptr ? std::move(*connected) : Socket(context);
    timer.cancel();
    attempts.clear();
    std::exchange(done, {})(error, std::move(socket));
  }

  asio::io_context& context;
  asio::steady_timer timer;
  const std::vector<Endpoint> endpoints;
  const std::chrono::milliseconds stagger;
  Done done;  // empty once it was called
  std::vector<std::optional<Socket>> attempts;
  std::size_t next = 0;
  std::size_t under_way = 0;
  error_code failure = asio::error::host_not_found;
};

void StaggeredConnect::start(std::vector<Endpoint> endpoints, std::chrono::milliseconds limit, Done done) {
  endpoints = in_turn_by_family(std::move(endpoints));
  if (endpoints.size() > kAddressesMax) endpoints.resize(kAddressesMax);
  const auto stagger = stagger_of(endpoints.size(), limit);
  const auto race = std::make_shared<Race>(context_, std::move(endpoints), stagger, std::move(done));
  race_ = race;
  asio::post(context_, [race] {
    if (race->done) race->try_next();
  });
}

void StaggeredConnect::cancel() {
  const auto race = race_.lock();
  if (!race || !race->done) return;
  race_.reset();
  race->timer.cancel();
  race->attempts.clear();
  asio::post(context_, [done = std::exchange(race->done, {}), socket = Socket(context_)]() mutable {
    done(asio::error::operation_aborted, std::move(socket));
  });
}

std::vector<StaggeredConnect::Endpoint> in_turn_by_family(std::vector<StaggeredConnect::Endpoint> endpoints) {
  if (endpoints.empty()) return endpoints;
  const int first = endpoints.front().protocol().family();
  const auto others = std::ranges::stable_partition(
      endpoints, [first](const auto& each) { return each.protocol().family() == first; });
  std::vector<StaggeredConnect::Endpoint> ordered;
  auto same = endpoints.begin();
  auto other = others.begin();
  while (same != others.begin() || other != endpoints.end()) {
    if (same != others.begin()) ordered.push_back(*same++);
    if (other != endpoints.end()) ordered.push_back(*other++);
  }
  return ordered;
}

std::chrono::milliseconds stagger_of(std::size_t addresses, std::chrono::milliseconds limit) {
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(1, addresses));
  return std::clamp(limit / (2 * count), StaggeredConnect::kStaggerMin, StaggeredConnect::kStaggerMax);
}

}  // namespace sluice::core
