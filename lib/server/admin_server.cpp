#include "lib/server/admin_server.hpp"

#include <coroutine>
#include <list>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "lib/base/hosts_file.hpp"
#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"
#include "lib/transport/http/rules.hpp"
#include "lib/transport/listener_policy.hpp"

namespace sluice::core {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr auto kRequestTime = std::chrono::seconds(2);  // for a complete request
constexpr auto kIdleTime = std::chrono::seconds(10);    // between requests
constexpr auto kWriteTime = std::chrono::seconds(10);   // for a response to leave
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr std::size_t kHeaderBytesMax = 8 * 1024;
constexpr std::size_t kBodyBytesMax = 1024;
constexpr std::size_t kReadBytes = 1024;  // first read of a request

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

Response respond(const Request& request, http::status status, std::string body,
                 const char* type = "text/plain; charset=utf-8") {
  Response response(status, request.version());
  response.set(http::field::content_type, type);
  response.set(http::field::cache_control, "no-store");
  response.keep_alive(request.keep_alive());
  // HEAD gets the head that GET would get, length included.
  response.content_length(body.size());
  if (request.method() != http::verb::head) response.body() = std::move(body);
  return response;
}

// As for calls: a web page must not come here by a name of its own that leads to this machine.
bool called_by_own_name(const Request& request, const ListenerPolicy& policy) {
  HttpRequestHead head;
  const auto text = [](beast::string_view view) { return std::string(view.data(), view.size()); };
  head.target = text(request.target());
  head.has_host = request.find(http::field::host) != request.end();
  head.host = text(request[http::field::host]);
  return check_page(page_claim(head), policy, false).has_value();
}

// One Host header, which only HTTP/1.0 may leave out (RFC 9112, section 3.2): other readers of the request
// may follow another one.
bool has_valid_host(const Request& request) {
  constexpr unsigned kHttp11 = 11;
  const std::size_t hosts = request.count(http::field::host);
  return hosts == 1 || (hosts == 0 && request.version() < kHttp11);
}

Response answer(const Request& request, const AdminSources& sources, const ListenerPolicy& policy) {
  if (!has_valid_host(request))
    return respond(request, http::status::bad_request, "one Host header is expected\n");
  if (!called_by_own_name(request, policy))
    return respond(request, http::status::forbidden, "Host is not one of this machine's loopback names\n");
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    Response refused = respond(request, http::status::method_not_allowed, "only GET\n");
    refused.set(http::field::allow, "GET, HEAD");
    return refused;
  }
  const std::string target(request.target().substr(0, request.target().find('?')));
  if (target == "/metrics") {
    return respond(request, http::status::ok, sources.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  }
  if (target == "/healthz") {
    const std::string reason = sources.unhealthy_reason();
    if (reason.empty()) return respond(request, http::status::ok, "ok\n");
    return respond(request, http::status::service_unavailable, reason + "\n");
  }
  if (target == "/readyz") {
    if (sources.ready()) return respond(request, http::status::ok, "ready\n");
    return respond(request, http::status::service_unavailable, "not ready\n");
  }
  return respond(request, http::status::not_found, "/metrics, /healthz and /readyz are here\n");
}

ListenerPolicy policy_for(const Address& address) {
  ListenerPolicy policy;
  policy.loopback_names_only = is_local(address);
  if (policy.loopback_names_only) policy.loopback_names = loopback_names();
  return policy;
}

// Counts a pending accept for as long as it lives, even if memory does not suffice to complete it.
class Accepting {
 public:
  explicit Accepting(std::size_t& count) : count_(&count) { ++count; }
  Accepting(Accepting&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Accepting& operator=(Accepting&&) = delete;
  ~Accepting() {
    if (count_ != nullptr) --*count_;
  }

 private:
  std::size_t* count_;
};

}  // namespace

struct AdminServer::Impl {
  Impl(std::unique_ptr<ListeningSocket> listening, AdminSources from)
      : address(listening->address()),
        policy(policy_for(address)),
        sources(std::move(from)),
        acceptor(context, address.host.find(':') == std::string::npos ? tcp::v4() : tcp::v6(),
                 ::fcntl(listening->descriptor(), F_DUPFD_CLOEXEC, 0)) {}

  void run();
  void accept_next();
  void rest();
  bool make_room();
  void begin_serving(tcp::socket socket);
  asio::awaitable<void> serve(tcp::socket socket);
  class Waiting;

  const Address address;
  const ListenerPolicy policy;
  AdminSources sources;
  std::size_t connections = 0;
  std::size_t accepting = 0;
  std::list<beast::tcp_stream*> waiting;  // waiting for their clients, longest first
  asio::io_context context{1};            // its remaining handlers refer to the members above
  tcp::acceptor acceptor;
  asio::steady_timer pause{context};
  std::thread thread;
};

void AdminServer::Impl::accept_next() {
  acceptor.async_accept([this, chain = Accepting(accepting)](const auto& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
    if (error) return rest();
    if (connections < kConnectionsMax || make_room()) begin_serving(std::move(socket));
    accept_next();
  });
}

void AdminServer::Impl::rest() {
  pause.expires_after(kAcceptPause);
  pause.async_wait([this, chain = Accepting(accepting)](const auto& error) {
    if (!error) accept_next();
  });
}

// The next request may find more memory. Without a pending accept, no client could send one.
void AdminServer::Impl::run() {
  const auto work = asio::make_work_guard(context);
  RareLine failed;
  const auto log_failure = [&failed](const std::exception& exception) {
    failed.log(spdlog::level::err, Clock::now(),
               [&] { return fmt::format("admin listener: {}", exception.what()); });
  };
  for (;;) {
    try {
      if (accepting == 0) accept_next();
      context.run();
      return;
    } catch (const std::exception& exception) {
      log_failure(exception);
    }
    // Other connections are served meanwhile.
    try {
      context.run_for(kAcceptPause);
    } catch (const std::exception& exception) {
      log_failure(exception);
    }
  }
}

void AdminServer::Impl::begin_serving(tcp::socket socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
  asio::co_spawn(context, serve(std::move(socket)), [this](const std::exception_ptr&) { --connections; });
  ++connections;
}

// Silent clients must not keep out others.
bool AdminServer::Impl::make_room() {
  if (waiting.empty()) return false;
  waiting.front()->close();
  waiting.pop_front();
  return true;
}

// Registered among the waiting connections while it lives.
class AdminServer::Impl::Waiting {
 public:
  Waiting(Impl& server, beast::tcp_stream& stream, std::chrono::seconds time)
      : server_(server), stream_(&stream) {
    stream.expires_after(time);
    server.waiting.push_back(&stream);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  // Searches at most kConnectionsMax entries.
  ~Waiting() { std::erase(server_.waiting, stream_); }

 private:
  Impl& server_;
  beast::tcp_stream* stream_;
};

asio::awaitable<void> AdminServer::Impl::serve(tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(kHeaderBytesMax + kBodyBytesMax);
  boost::system::error_code error;
  const auto token = [&error] { return asio::redirect_error(asio::use_awaitable, error); };
  for (bool first = true, more = true; more; first = false) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(kBodyBytesMax);
    if (!first && buffer.size() == 0) {
      const Waiting idle(*this, stream, kIdleTime);
      buffer.commit(co_await stream.async_read_some(buffer.prepare(kReadBytes), token()));
      if (error) co_return;
    }
    {
      const Waiting request(*this, stream, kRequestTime);
      co_await http::async_read(stream, buffer, parser, token());
      if (error) co_return;
    }
    const Response response = answer(parser.get(), sources, policy);
    const Waiting written(*this, stream, kWriteTime);
    http::response_serializer<http::string_body> serializer(response);
    co_await http::async_write(stream, serializer, token());
    more = !error && response.keep_alive();
  }
  boost::system::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

AdminServer::AdminServer(std::unique_ptr<ListeningSocket> socket, AdminSources sources)
    : impl_(std::make_unique<Impl>(std::move(socket), std::move(sources))) {
  impl_->thread = std::thread([impl = impl_.get()] {
    pthread_setname_np(pthread_self(), "admin");
    impl->run();
  });
}

AdminServer::~AdminServer() {
  impl_->context.stop();
  impl_->thread.join();
}

const Address& AdminServer::address() const { return impl_->address; }

}  // namespace sluice::core
