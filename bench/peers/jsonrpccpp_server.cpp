// libjson-rpc-cpp over HTTP on loopback: `echo` answers with its params. jsonrpccpp_server PORT, until it is
// ended. (Its Unix socket server ends the connection after each call.)
#include <jsonrpccpp/server.h>
#include <jsonrpccpp/server/connectors/httpserver.h>
#include <netinet/in.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

namespace {

// The number of workers that sluiced has on one core.
constexpr int kThreads = 4;

class Echo : public jsonrpc::AbstractServer<Echo> {
 public:
  explicit Echo(jsonrpc::AbstractServerConnector& connector) : AbstractServer(connector) {
    const jsonrpc::Procedure procedure("echo", jsonrpc::PARAMS_BY_POSITION, jsonrpc::JSON_ARRAY, nullptr);
    bindAndAddMethod(procedure, &Echo::echo);
  }

 private:
  void echo(const Json::Value& params, Json::Value& result) { result = params; }
};

}  // namespace

// In place of the C library's: the HTTP server would listen on every address and has no setting for it.
extern "C" int bind(int socket, const sockaddr* address, socklen_t size) noexcept {
  sockaddr_in loopback{};
  if (address->sa_family != AF_INET) return -1;
  loopback.sin_family = AF_INET;
  loopback.sin_port = reinterpret_cast<const sockaddr_in*>(address)->sin_port;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return static_cast<int>(syscall(SYS_bind, socket, &loopback, size));
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  jsonrpc::HttpServer connector(std::stoi(argv[1]), "", "", kThreads);
  Echo server(connector);
  if (!server.StartListening()) return 1;
  for (;;) pause();
}
