// The limit that the socket sets: a server that finds the end of each request, copies its `id` and `params`
// into a reply and checks nothing. One thread; per readable connection one recv and one send.
//
//   raw_echo tcp PORT     on 127.0.0.1; 0 takes any free port
//   raw_echo unix PATH
//   ... validated         requests are validated and cut as sluiced does it, and nothing else: the limit for
//                         who looks at what is sent
//
// Prints the address it listens on. Requests must be as `sluice bench` sends them, one line each:
// {"jsonrpc":"2.0","id":ID,"method":"M","params":PARAMS}
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>
#include <vector>

#include "proto/frame_decoder.hpp"
#include "proto/request.hpp"
#include "proto/response_writer.hpp"

namespace {

using namespace sluice;

constexpr std::size_t kReadBytes = 256 * 1024;  // as much as sluiced reads at once
constexpr int kEventsPerIteration = 256;
constexpr int kBacklog = 4096;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

struct Connection {
  explicit Connection(int accepted) : socket(accepted) {}

  int socket;
  bool watches_output = false;
  std::string begun;   // the beginning of a request whose end has not come
  std::string output;  // replies, from `sent` on not yet taken by the socket
  std::size_t sent = 0;
  proto::FrameDecoder decoder{proto::Framing::stream, {}};
};

// The text behind `key`; empty without the key.
std::string_view behind(std::string_view text, std::string_view key) {
  const void* const found = memmem(text.data(), text.size(), key.data(), key.size());
  if (found == nullptr) return {};
  const char* const begin = static_cast<const char*>(found) + key.size();
  return {begin, static_cast<std::size_t>(text.data() + text.size() - begin)};
}

char* put(char* at, std::string_view text) { return std::copy(text.begin(), text.end(), at); }

void append_reply(std::string_view line, std::string& output) {
  constexpr std::string_view kBeforeId = R"({"jsonrpc":"2.0","id":)";
  constexpr std::string_view kBeforeResult = R"(,"result":)";
  const std::string_view rest = line.substr(std::min(kBeforeId.size(), line.size()));
  const std::string_view id = rest.substr(0, rest.find(','));
  std::string_view params = behind(rest, "\"params\":");
  // The brace that ends the request ends the reply.
  if (params.empty()) params = "null}";

  const std::size_t size = kBeforeId.size() + id.size() + kBeforeResult.size() + params.size() + 1;
  const std::size_t begin = output.size();
  output.resize(begin + size);
  char* const at = put(put(put(put(output.data() + begin, kBeforeId), id), kBeforeResult), params);
  *at = '\n';
}

// Answers every whole request in `text`; returns the number of their bytes.
std::size_t answer_whole_lines(std::string_view text, std::size_t searched, std::string& output) {
  std::size_t begin = 0;
  for (std::size_t from = searched;;) {
    const std::size_t newline = text.find('\n', from);
    if (newline == std::string_view::npos) return begin;
    append_reply(text.substr(begin, newline - begin), output);
    begin = from = newline + 1;
  }
}

// The same for requests that have to be valid.
std::size_t answer_valid_messages(std::string_view text, proto::FrameDecoder& decoder, std::string& output) {
  for (std::size_t at = 0;;) {
    const proto::FrameEvent event = decoder.next({text.data() + at, text.size() - at});
    at += event.consumed;
    if (event.kind == proto::FrameEvent::Kind::need_more) return at;
    if (event.kind != proto::FrameEvent::Kind::message) throw std::runtime_error("not a valid message");
    std::string scratch;
    proto::Request request;
    if (proto::read_request(event.text, decoder.message().single, request, scratch)) {
      throw std::runtime_error("not a valid call");
    }
    proto::begin_result(output, request.id);
    output += request.params;
    proto::end_result(output);
    output += '\n';
  }
}

class Server {
 public:
  Server(int listener, bool validates)
      : listener_(listener), validates_(validates), epoll_(checked(epoll_create1(0), "epoll_create1")) {
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    for (std::array<epoll_event, kEventsPerIteration> events;;) {
      const int count = epoll_wait(epoll_, events.data(), kEventsPerIteration, -1);
      for (int i = 0; i < count; ++i) {
        auto* const connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (connection == nullptr)
          accept_all();
        else if (!serve(*connection, events[static_cast<std::size_t>(i)].events))
          end(connection);
      }
    }
  }

 private:
  void watch(int operation, int socket, std::uint32_t events, Connection* connection) {
    epoll_event event{.events = events, .data = {.ptr = connection}};
    checked(epoll_ctl(epoll_, operation, socket, &event), "epoll_ctl");
  }

  void accept_all() {
    for (int socket; (socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int on = 1;  // fails on Unix sockets, which do not delay
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(EPOLL_CTL_ADD, socket, EPOLLIN, new Connection(socket));
    }
  }

  // False: the connection is over.
  bool serve(Connection& connection, std::uint32_t events) {
    if ((events & EPOLLIN) != 0 && !receive(connection)) return false;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) return false;
    return send_replies(connection);
  }

  bool receive(Connection& connection) {
    const ssize_t got = recv(connection.socket, input_.data(), input_.size(), 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    std::string_view text(input_.data(), static_cast<std::size_t>(got));
    std::string& begun = connection.begun;
    const std::size_t searched = begun.size();
    if (searched > 0) text = begun.append(text);
    const std::size_t done = validates_ ? answer_valid_messages(text, connection.decoder, connection.output)
                                        : answer_whole_lines(text, searched, connection.output);
    if (searched > 0)
      begun.erase(0, done);
    else
      begun.assign(text.substr(done));
    return true;
  }

  // While replies are waiting to be taken, nothing more is read.
  bool send_replies(Connection& connection) {
    std::string& output = connection.output;
    if (connection.sent < output.size()) {
      const ssize_t taken = send(connection.socket, output.data() + connection.sent,
                                 output.size() - connection.sent, MSG_NOSIGNAL);
      if (taken < 0 && errno != EAGAIN) return false;
      connection.sent += static_cast<std::size_t>(std::max<ssize_t>(taken, 0));
    }
    const bool waits = connection.sent < output.size();
    if (!waits) {
      output.clear();
      connection.sent = 0;
    }
    if (waits != connection.watches_output)
      watch(EPOLL_CTL_MOD, connection.socket, waits ? EPOLLOUT : EPOLLIN, &connection);
    connection.watches_output = waits;
    return true;
  }

  static void end(Connection* connection) {
    close(connection->socket);
    delete connection;
  }

  int listener_;
  bool validates_;
  int epoll_;
  std::vector<char> input_ = std::vector<char>(kReadBytes);
};

int listen_tcp(std::string_view port_text) {
  std::uint16_t port = 0;
  const auto read = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (read.ec != std::errc() || read.ptr != port_text.data() + port_text.size())
    throw std::invalid_argument("no port: " + std::string(port_text));
  const int listener = checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  checked(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  checked(listen(listener, kBacklog), "listen");
  socklen_t size = sizeof address;
  checked(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  std::printf("tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
  return listener;
}

int listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::invalid_argument("too long: " + path);
  path.copy(address.sun_path, path.size());
  const int listener = checked(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  checked(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  checked(listen(listener, kBacklog), "listen");
  std::printf("unix://%s\n", path.c_str());
  return listener;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const bool validates = words.size() == 3 && words[2] == "validated";
  if (words.size() != (validates ? 3 : 2) || (words[0] != "tcp" && words[0] != "unix"))
    throw std::invalid_argument("usage: raw_echo tcp PORT | unix PATH [validated]");
  const int listener = words[0] == "tcp" ? listen_tcp(words[1]) : listen_unix(words[1]);
  std::fflush(stdout);
  Server(listener, validates).run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "raw_echo: %s\n", error.what());
  return 2;
}
