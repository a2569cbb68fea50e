// A closed loop of gRPC unary calls, driven by one thread: grpc_client HOST:PORT CONNECTIONS DEPTH BYTES
// SECONDS Prints calls per second, over SECONDS after a warm-up of a quarter of that.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "echo.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// A slot for one call in flight, used over and over.
struct Slot {
  echo::Echo::Stub* stub = nullptr;
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<echo::Text>> reader;
  echo::Text reply;
  grpc::Status status;
};

class Load {
 public:
  Load(const std::string& address, int connections, int depth, std::size_t bytes) {
    request_.set_text(std::string(bytes, 'x'));
    for (int i = 0; i < connections; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt("connection", i);  // channels that differ don't share a connection
      stubs_.push_back(echo::Echo::NewStub(
          grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments)));
      for (int j = 0; j < depth; ++j) {
        slots_.push_back(std::make_unique<Slot>());
        slots_.back()->stub = stubs_.back().get();
      }
    }
  }

  // Calls answered per second; below 0 where one failed.
  double run(Seconds measured) {
    const auto begin = Clock::now() + std::chrono::duration_cast<Clock::duration>(measured / 4);
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(measured);
    std::uint64_t answered = 0;
    for (auto& slot : slots_) issue(*slot);
    for (std::size_t in_flight = slots_.size(); in_flight > 0;) {
      void* tag = nullptr;
      bool fine = false;
      if (!queue_.Next(&tag, &fine)) return -1;
      auto& slot = *static_cast<Slot*>(tag);
      if (!slot.status.ok() || slot.reply.text().size() != request_.text().size()) return -1;
      const auto now = Clock::now();
      if (now >= begin && now < end) ++answered;
      if (now < end)
        issue(slot);
      else
        --in_flight;
    }
    return static_cast<double>(answered) / measured.count();
  }

 private:
  void issue(Slot& slot) {
    slot.context = std::make_unique<grpc::ClientContext>();
    slot.reader = slot.stub->AsyncCall(slot.context.get(), request_, &queue_);
    slot.reader->Finish(&slot.reply, &slot.status, &slot);
  }

  grpc::CompletionQueue queue_;
  echo::Text request_;
  std::vector<std::unique_ptr<echo::Echo::Stub>> stubs_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  Load load(argv[1], std::stoi(argv[2]), std::stoi(argv[3]), std::stoul(argv[4]));
  const double rate = load.run(Seconds(std::stod(argv[5])));
  std::printf("%.1f\n", rate);
  return rate < 0 ? 1 : 0;
}
