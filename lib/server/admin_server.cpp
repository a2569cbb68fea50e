#include "lib/server/admin_server.hpp"

#include <coroutine>
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

#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"

namespace sluice::core {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr auto kRequestTime = std::chrono::seconds(10);  // for a request to come whole, and between requests
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr std::size_t kHeaderBytesMax = 8 * 1024;
constexpr std::size_t kBodyBytesMax = 1024;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

Response respond(const Request& request, http::status status, std::string body,
                 const char* type = "text/plain; charset=utf-8") {
  Response response(status, request.version());
  response.set(http::field::content_type, type);
  response.set(http::field::cache_control, "no-store");
  response.keep_alive(request.keep_alive());
  response.body() = request.method() == http::verb::head ? std::string() : std::move(body);
  response.prepare_payload();
  return response;
}

Response answer(const Request& request, const AdminSources& sources) {
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

// Counts a wait that leads to the next client for as long as it lives, also when memory does not suffice to
// see it through.
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
        sources(std::move(from)),
        acceptor(context, address.host.find(':') == std::string::npos ? tcp::v4() : tcp::v6(),
                 ::fcntl(listening->descriptor(), F_DUPFD_CLOEXEC, 0)) {}

  void run();
  void accept_next();
  void rest();
  void begin_serving(tcp::socket socket);
  asio::awaitable<void> serve(tcp::socket socket);

  const Address address;
  AdminSources sources;
  std::size_t connections = 0;
  std::size_t accepting = 0;
  asio::io_context context{1};  // what it still holds at its end refers to what is above
  tcp::acceptor acceptor;
  asio::steady_timer pause{context};
  std::thread thread;
};

void AdminServer::Impl::accept_next() {
  acceptor.async_accept(
      [this, accepting = Accepting(this->accepting)](const auto& error, tcp::socket socket) {
        if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
        if (error) return rest();
        if (connections < kConnectionsMax) begin_serving(std::move(socket));
        accept_next();
      });
}

void AdminServer::Impl::rest() {
  pause.expires_after(kAcceptPause);
  pause.async_wait([this, accepting = Accepting(this->accepting)](const auto& error) {
    if (!error) accept_next();
  });
}

// Whoever asks next may have more memory; if nothing is accepted any more, nobody can ask.
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
    // What else is being served goes on meanwhile.
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

asio::awaitable<void> AdminServer::Impl::serve(tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(kHeaderBytesMax + kBodyBytesMax);
  for (bool more = true; more;) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(kBodyBytesMax);
    stream.expires_after(kRequestTime);
    boost::system::error_code error;
    co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    const Response response = answer(parser.get(), sources);
    stream.expires_after(kRequestTime);
    co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
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
