// SPDX-License-Identifier: MIT
// Reading the examples of a task in random order, batch by batch: rotated, permuted, split or cached, against as they
// are.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/lifelong.hpp>
#include <lifelong/stream/cached.hpp>

#include "suite.hpp"
#include "synthetic.hpp"
#include "triad.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using Images = ll::Examples<std::uint8_t>;

/// Reads every example once.
template <class Source>
class Reader {
 public:
  explicit Reader(Source source) : source_(std::move(source)), order_(source_.size()) {
    std::iota(order_.begin(), order_.end(), std::uint32_t{0});
    ll::Random(1, ll::Purpose::shuffle).shuffle(std::span<std::uint32_t>(order_));
  }
  void read() {
    for (const auto& batch : ll::BatchLoader(source_, 128, buffer_, serial_, std::span<const std::uint32_t>(order_)))
      benchmark::DoNotOptimize(batch.inputs.data());
  }
  [[nodiscard]] std::size_t values() const { return source_.size() * source_.features(); }
  [[nodiscard]] std::size_t size() const { return source_.size(); }

 private:
  Source source_;
  std::vector<std::uint32_t> order_;
  ll::BatchBuffer<float> buffer_;
  ll::backend::Serial serial_;
};

/// What `make_source` makes of images; the floor reads values of `bytes` bytes and writes floats.
template <class MakeSource>
void row(Suite& suite, const std::string& name, std::size_t bytes, MakeSource make_source) {
  suite.row("streams/" + name + " vs plain", [&suite, bytes, make_source] {
    const ll::Dataset<std::uint8_t> images = synthetic_images(suite.size(10000, 200));
    using Source = decltype(make_source(ll::SplitData<std::uint8_t>{images, images}));
    const auto task = std::make_shared<Reader<Source>>(make_source(ll::SplitData<std::uint8_t>{images, images}));
    const auto plain = std::make_shared<Reader<Images>>(Images(images));
    return Pair{.body = [task] { task->read(); },
                .against = {[plain] { plain->read(); }},
                .work = {.bytes = static_cast<double>((bytes + sizeof(float)) * task->values())},
                .yardstick = triad(bytes * task->values() / sizeof(float)),
                .scale = static_cast<double>(task->size()) / static_cast<double>(plain->size())};
  });
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite(argc, argv);
  row(suite, "rotated", 1, [](const auto& data) { return ll::stream::rotated(data, {20})[0].train; });
  row(suite, "rotated and cached", sizeof(float),
      [](const auto& data) { return ll::CachedExamples<float>(ll::stream::rotated(data, {20})[0].train); });
  row(suite, "permuted", 1, [](const auto& data) { return ll::stream::permuted(data, 2)[1].train; });
  row(suite, "split", 1, [](const auto& data) { return ll::stream::split(data, 5)[0].train; });
  return suite.run();
}
