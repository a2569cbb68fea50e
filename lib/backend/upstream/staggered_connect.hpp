// Staggered connect (Happy Eyeballs): a connection to the first address that answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

namespace sluice::core {

// RFC 8305, section 5: each address is tried a moment after the one before, or as soon as that one has
// failed, and none of them is given up for that. The first to answer is the connection; the others are
// closed. Its owner's thread only.
class StaggeredConnect {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;
  // On success the socket is open.
  using Done = std::function<void(boost::system::error_code, Socket)>;

  static constexpr std::size_t kAddressesMax = 16;  // further ones are not tried
  static constexpr auto kStaggerMax = std::chrono::milliseconds(250);
  static constexpr auto kStaggerMin = std::chrono::milliseconds(10);

  explicit StaggeredConnect(boost::asio::io_context& context) : context_(context) {}
  ~StaggeredConnect() { cancel(); }
  StaggeredConnect(const StaggeredConnect&) = delete;
  StaggeredConnect& operator=(const StaggeredConnect&) = delete;

  // Calls `done` once, in the context, after this has returned. `limit`: the time that all of them share.
  void start(std::vector<Endpoint> endpoints, std::chrono::milliseconds limit, Done done);
  // `done` is called with an error soon, if it has not been called.
  void cancel();

 private:
  struct Race;

  boost::asio::io_context& context_;
  std::weak_ptr<Race> race_;
};

// IPv6 and IPv4 in turn, beginning with the family of the first, each family in its own order (RFC 8305,
// section 4).
std::vector<StaggeredConnect::Endpoint> in_turn_by_family(std::vector<StaggeredConnect::Endpoint> endpoints);

// How long after one address the next is tried, so that each of them has at least half of the limit.
std::chrono::milliseconds stagger_of(std::size_t addresses, std::chrono::milliseconds limit);

}  // namespace sluice::core
