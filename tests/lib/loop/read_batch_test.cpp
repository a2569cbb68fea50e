#include "lib/loop/read_batch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

namespace sluice::core {
namespace {

struct Noting final : Reader {
  void on_bytes(std::string_view bytes) override {
    texts.emplace_back(bytes);
    if (then) then();
  }
  std::vector<std::string> texts;
  std::function<void()> then;
};

void read_into(ReadBatch& batch, Reader& reader, std::string_view text) {
  std::ranges::copy(text, batch.space().begin());
  batch.add(reader, text.size());
}

TEST_CASE("read batch: each reader gets its bytes once, in the order of reading") {
  ReadBatch batch;
  Noting first, second;
  std::vector<int> order;
  first.then = [&] { order.push_back(1); };
  second.then = [&] { order.push_back(2); };
  read_into(batch, first, "one");
  read_into(batch, second, "two");
  CHECK(order.empty());
  batch.deal();
  CHECK(order == std::vector{1, 2});
  CHECK(first.texts == std::vector<std::string>{"one"});
  CHECK(second.texts == std::vector<std::string>{"two"});
  batch.deal();
  CHECK(order.size() == 2);
  read_into(batch, first, "three");
  batch.deal();
  CHECK(first.texts.back() == "three");
}

TEST_CASE("read batch: a reader that is unlinked or destroyed gets nothing") {
  ReadBatch batch;
  Noting first, second;
  {
    Noting third;
    first.then = [&] { second.unlink(); };
    read_into(batch, first, "one");
    read_into(batch, second, "two");
    read_into(batch, third, "three");
  }
  batch.deal();
  CHECK(first.texts.size() == 1);
  CHECK(second.texts.empty());
}

TEST_CASE("read batch: half of the buffer is always free, for which waiting bytes are processed") {
  ReadBatch batch;
  Noting large, small;
  const std::string half(ReadBatch::kBytes / 2, 'a');
  CHECK(batch.space().size() == ReadBatch::kBytes);
  read_into(batch, large, half);
  CHECK(batch.space().size() == ReadBatch::kBytes / 2);
  CHECK(large.texts.empty());
  read_into(batch, small, "b");
  CHECK(batch.space().size() == ReadBatch::kBytes);
  CHECK(large.texts == std::vector{half});
  CHECK(small.texts == std::vector<std::string>{"b"});
}

TEST_CASE("read batch: the number of waiting readers is bounded") {
  ReadBatch batch;
  std::array<Noting, ReadBatch::kReadersMax + 1> readers;
  for (Noting& reader : readers) read_into(batch, reader, "a");
  const auto notified =
      std::ranges::count_if(readers, [](const Noting& reader) { return !reader.texts.empty(); });
  CHECK(notified == static_cast<std::ptrdiff_t>(ReadBatch::kReadersMax));
  batch.deal();
  CHECK(readers.back().texts.size() == 1);
}

}  // namespace
}  // namespace sluice::core
