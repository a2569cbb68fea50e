// Cost of finding, validating and reading one message.
#include <string>
#include <string_view>

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

// Params of some 16 KiB that consist of `unit` over and over, as a JSON array.
void decode_params(benchmark::State& state, std::string_view unit) {
  static constexpr std::size_t kBytes = 16 * 1024;
  std::string one = R"({"jsonrpc":"2.0","id":1,"method":"demo.echo","params":[)";
  while (one.size() < kBytes) one += std::string(unit) + ",";
  one.back() = ']';
  one += "}\n";
  FrameDecoder decoder(Framing::stream, {});
  for (auto _ : state) {
    const FrameEvent event = decoder.next(one);
    if (event.kind != FrameEvent::Kind::message) state.SkipWithError("no message");
    benchmark::DoNotOptimize(event.text.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(one.size()));
}
BENCHMARK_CAPTURE(decode_params, ascii,
                  R"("The quick brown fox jumps over the lazy dog, and then over all the others.")");
BENCHMARK_CAPTURE(decode_params, cyrillic, R"("Съешь же ещё этих мягких французских булок, да выпей чаю.")");
BENCHMARK_CAPTURE(decode_params, chinese, R"("天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏")");
BENCHMARK_CAPTURE(decode_params, code, R"("if (x) {\n\tprintf(\"%d\\n\", x);\n}\n")");
BENCHMARK_CAPTURE(decode_params, escapes, R"("\u5929\u5730\u7384\u9ec3\ud83d\ude00")");
BENCHMARK_CAPTURE(decode_params, integers, "12345");
BENCHMARK_CAPTURE(decode_params, fractions, "3.14159265");
BENCHMARK_CAPTURE(decode_params, objects, R"({"id":17,"name":"Ann","ok":true,"tags":["a","b"]})");

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
