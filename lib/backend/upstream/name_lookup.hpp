// Name look-up: the addresses of a host, without blocking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

namespace sluice::core {

// One look-up at a time, on a thread of its own, without waiting for it. Asio's resolver has one thread for
// all, which a name server that does not answer keeps from all others, and which has to be joined at the
// end. Its owner's thread only.
class NameLookup {
 public:
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;
  using Done = std::function<void(boost::system::error_code, std::vector<Endpoint>)>;

  static constexpr int kLookupsMax = 32;  // at once, also abandoned ones

  explicit NameLookup(boost::asio::io_context& context) : context_(context) {}
  ~NameLookup() { cancel(); }
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  // Calls `done` once, in the context, after this has returned.
  void start(const std::string& host, std::uint16_t port, Done done);
  // Calls `done` with "aborted", if it was not called yet.
  void cancel();

 private:
  struct Waiting;

  static void look_up_for(Waiting& waiting, const std::string& host, std::uint16_t port) noexcept;

  boost::asio::io_context& context_;
  std::shared_ptr<Waiting> waiting_;
};

}  // namespace sluice::core
