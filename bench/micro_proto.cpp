// What it costs to find, validate and read one message.
#include <string>

#include <benchmark/benchmark.h>

#include "proto/frame_decoder.hpp"
#include "proto/request.hpp"
#include "proto/response_writer.hpp"

namespace {

using namespace sluice::proto;

std::string request(std::size_t payload_bytes) {
  return R"({"jsonrpc":"2.0","id":1000000000000,"method":"demo.echo","params":{"n":1000000000000,"p":")" +
         std::string(payload_bytes, 'x') + "\"}}\n";
}

void decode(benchmark::State& state, Framing framing, const std::string& one) {
  constexpr int kMessages = 64;
  std::string bytes;
  for (int i = 0; i < kMessages; ++i) bytes += one;
  FrameDecoder decoder(framing, {});
  std::string scratch;
  for (auto _ : state) {
    std::string_view window = bytes;
    for (;;) {
      const FrameEvent event = decoder.next(window);
      window.remove_prefix(event.consumed);
      if (event.kind != FrameEvent::Kind::message) break;
      Request request;
      benchmark::DoNotOptimize(read_request(event.text, decoder.message().single, request, scratch));
      benchmark::DoNotOptimize(request);
    }
  }
  state.SetItemsProcessed(state.iterations() * kMessages);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void decode_stream(benchmark::State& state) {
  decode(state, Framing::stream, request(static_cast<std::size_t>(state.range(0))));
}
BENCHMARK(decode_stream)->Arg(16)->Arg(100)->Arg(1024)->Arg(16384);

void decode_with_headers(benchmark::State& state) {
  const std::string body = request(static_cast<std::size_t>(state.range(0)));
  decode(state, Framing::header, "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}
BENCHMARK(decode_with_headers)->Arg(100);

// A message that comes a byte at a time must cost what it costs in one piece, and the calls.
void decode_byte_by_byte(benchmark::State& state) {
  const std::string one = request(static_cast<std::size_t>(state.range(0)));
  FrameDecoder decoder(Framing::stream, {});
  for (auto _ : state) {
    for (std::size_t size = 1; size <= one.size() - 1; ++size) {
      benchmark::DoNotOptimize(decoder.next(std::string_view(one).substr(0, size)));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(one.size()));
}
BENCHMARK(decode_byte_by_byte)->Arg(1024)->Arg(65536);

void write_error(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_error(out, "1000000000000", busy(BusyReason::queue_full, std::chrono::milliseconds(10)));
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_error);

}  // namespace
