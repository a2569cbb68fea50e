// A client that sends bytes and reads lines: what a test needs to behave well or badly on a connection.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/include/sluice/json.hpp"
#include "tests/support/eventually.hpp"

namespace sluice::testing {

namespace detail {

using std::chrono::steady_clock;

[[noreturn]] inline void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

inline void connect_to(int fd, const sockaddr* name, socklen_t size) {
  while (::connect(fd, name, size) != 0) {
    if (errno != EINTR && errno != EAGAIN) fail("connect");
  }
}

inline int open_tcp(const std::string& host_and_port, int receive_bytes) {
  const std::size_t colon = host_and_port.rfind(':');
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(host_and_port.substr(colon + 1))));
  if (::inet_pton(AF_INET, host_and_port.substr(0, colon).c_str(), &name.sin_addr) != 1) {
    throw std::invalid_argument("no IPv4 address: " + host_and_port);
  }
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  if (receive_bytes > 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connect_to(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  return fd;
}

inline int open_unix(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  connect_to(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  return fd;
}

inline bool wait_for(int fd, short events, steady_clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
    pollfd watched{fd, events, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) fail("poll");
  }
}

}  // namespace detail

// Every wait has an end; what does not come in time throws std::runtime_error. Not thread-safe.
class RawClient {
 public:
  // tcp://HOST:PORT or unix:///path. `receive_bytes`: the size of the socket's receive buffer, 0 for the
  // default.
  explicit RawClient(const std::string& address, int receive_bytes = 0);
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient();

  void send(std::string_view bytes);
  // Sends what the socket takes at once; gives the number of bytes.
  std::size_t send_available(std::string_view bytes);
  void send_urgent();          // one byte out of band (TCP)
  int pending_output() const;  // bytes that the server's machine has not acknowledged
  int waiting_input() const;   // received bytes that were not read

  // The next line without its newline; nothing when the connection ends or the time is over.
  std::optional<std::string> try_line(std::chrono::milliseconds limit);
  std::string line();
  // The next line as JSON.
  Json reply() { return Json::parse(line()); }
  // Sends a request and reads one line.
  Json call(std::string_view method, std::string_view params = "", std::string_view id = "1");

  // Reads and drops at most `most` bytes; gives their number, 0 at the connection's end or after
  // kWaitMax.
  std::size_t read_some(std::size_t most);

  // Whether the connection ends within `limit`; what comes before is dropped.
  bool closed(std::chrono::milliseconds limit = kWaitMax);
  // Whether the connection was ended by a reset. Valid once it has ended.
  bool was_reset() const { return reset_; }

  void end_sending();  // half-close
  void hang_up();      // closes the descriptor
  void reset();        // closes it with RST (TCP)

 private:
  // False at the end of the connection; throws nothing.
  bool fill(std::chrono::steady_clock::time_point until, std::size_t most = 64 * 1024);

  int fd_ = -1;
  std::string received_;
  bool ended_ = false;
  bool reset_ = false;
};

// Messages as text, with a newline. `extra` is further members, beginning with a comma.
std::string request(std::string_view id, std::string_view method, std::string_view params = "",
                    std::string_view extra = "");
std::string request(std::uint64_t id, std::string_view method, std::string_view params = "",
                    std::string_view extra = "");
std::string notification(std::string_view method, std::string_view params = "");

// The error's code, 0 for a result.
int code_of(const Json& reply);
std::string reason_of(const Json& reply);

inline RawClient::RawClient(const std::string& address, int receive_bytes) {
  static constexpr std::string_view kTcp = "tcp://";
  static constexpr std::string_view kUnix = "unix://";
  if (address.starts_with(kTcp))
    fd_ = detail::open_tcp(address.substr(kTcp.size()), receive_bytes);
  else if (address.starts_with(kUnix))
    fd_ = detail::open_unix(address.substr(kUnix.size()));
  else
    throw std::invalid_argument("no address: " + address);
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

inline RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      received_(std::move(other.received_)),
      ended_(other.ended_),
      reset_(other.reset_) {}

inline RawClient::~RawClient() { hang_up(); }

inline void RawClient::send(std::string_view bytes) {
  const auto until = std::chrono::steady_clock::now() + kWaitMax;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!detail::wait_for(fd_, POLLOUT, until)) throw std::runtime_error("the server takes no more bytes");
    } else if (errno != EINTR) {
      detail::fail("send");
    }
  }
}

inline std::size_t RawClient::send_available(std::string_view bytes) {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

inline int RawClient::pending_output() const {
  int bytes = 0;
  ::ioctl(fd_, SIOCOUTQ, &bytes);
  return bytes;
}

inline void RawClient::send_urgent() {
  if (::send(fd_, "!", 1, MSG_OOB | MSG_NOSIGNAL) != 1) detail::fail("send");
}

inline int RawClient::waiting_input() const {
  int bytes = 0;
  ::ioctl(fd_, SIOCINQ, &bytes);
  return bytes;
}

inline std::size_t RawClient::read_some(std::size_t most) {
  if (!fill(std::chrono::steady_clock::now() + kWaitMax, most)) return 0;
  return std::exchange(received_, {}).size();
}

inline bool RawClient::fill(std::chrono::steady_clock::time_point until, std::size_t most) {
  char buffer[64 * 1024];
  while (!ended_) {
    const ssize_t got = ::recv(fd_, buffer, std::min(most, sizeof buffer), 0);
    if (got > 0) {
      received_.append(buffer, static_cast<std::size_t>(got));
      return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      ended_ = true;
      reset_ = got < 0;
      return false;
    }
    if (!detail::wait_for(fd_, POLLIN, until)) return false;
  }
  return false;
}

inline std::optional<std::string> RawClient::try_line(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  std::size_t looked = 0;
  for (;;) {
    const std::size_t newline = received_.find('\n', looked);
    if (newline != std::string::npos) {
      std::string line = received_.substr(0, newline);
      received_.erase(0, newline + 1);
      return line;
    }
    looked = received_.size();
    if (!fill(until)) return std::nullopt;
  }
}

inline std::string RawClient::line() {
  auto line = try_line(kWaitMax);
  if (!line)
    throw std::runtime_error(ended_ ? "the connection ended before a line came" : "no line came in time");
  return *line;
}

inline Json RawClient::call(std::string_view method, std::string_view params, std::string_view id) {
  send(request(id, method, params));
  return reply();
}

inline bool RawClient::closed(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (fill(until)) received_.clear();
  return ended_;
}

inline void RawClient::end_sending() { ::shutdown(fd_, SHUT_WR); }

inline void RawClient::hang_up() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

inline void RawClient::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  hang_up();
}

inline std::string request(std::string_view id, std::string_view method, std::string_view params,
                           std::string_view extra) {
  std::string text =
      R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) + '"';
  if (!params.empty()) text += R"(,"params":)" + std::string(params);
  return text + std::string(extra) + "}\n";
}

inline std::string request(std::uint64_t id, std::string_view method, std::string_view params,
                           std::string_view extra) {
  return request(std::to_string(id), method, params, extra);
}

inline std::string notification(std::string_view method, std::string_view params) {
  std::string text = R"({"jsonrpc":"2.0","method":")" + std::string(method) + '"';
  if (!params.empty()) text += R"(,"params":)" + std::string(params);
  return text + "}\n";
}

inline int code_of(const Json& reply) {
  return reply.contains("error") ? reply["error"]["code"].get<int>() : 0;
}

inline std::string reason_of(const Json& reply) {
  return reply.at("error").at("data").at("reason").get<std::string>();
}

}  // namespace sluice::testing
