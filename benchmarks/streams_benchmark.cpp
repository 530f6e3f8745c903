// Reading the examples of a task in random order, batch by batch: rotated, permuted or split, against as they are.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/lifelong.hpp>

#include "suite.hpp"
#include "synthetic.hpp"
#include "triad.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using Images = ll::Examples<std::uint8_t>;

/// Reads every example once.
class Reader {
 public:
  explicit Reader(Images images) : images_(std::move(images)), order_(images_.size()) {
    std::iota(order_.begin(), order_.end(), std::uint32_t{0});
    ll::Random(1, ll::Purpose::shuffle).shuffle(std::span<std::uint32_t>(order_));
  }
  void read() {
    for (const auto& batch : ll::BatchLoader(images_, 128, buffer_, serial_, std::span<const std::uint32_t>(order_)))
      benchmark::DoNotOptimize(batch.inputs.data());
  }
  [[nodiscard]] std::size_t values() const { return images_.size() * images_.features(); }
  [[nodiscard]] std::size_t size() const { return images_.size(); }

 private:
  Images images_;
  std::vector<std::uint32_t> order_;
  ll::BatchBuffer<float> buffer_;
  ll::backend::Serial serial_;
};

/// The training set of the last task of a stream over `data`.
template <class MakeStream>
void row(Suite& suite, const std::string& name, MakeStream make_stream) {
  suite.row("streams/" + name + " vs plain", [&suite, make_stream] {
    const ll::Dataset<std::uint8_t> images = synthetic_images(suite.size(10000, 200));
    const auto stream = make_stream(ll::SplitData<std::uint8_t>{images, images});
    const auto task = std::make_shared<Reader>(stream[stream.size() - 1].train);
    const auto plain = std::make_shared<Reader>(Images(images));
    return Pair{.body = [task] { task->read(); },
                .against = {[plain] { plain->read(); }},
                .work = {.bytes = (sizeof(std::uint8_t) + sizeof(float)) * static_cast<double>(task->values())},
                .yardstick = triad(128 * 784),
                .scale = static_cast<double>(task->size()) / static_cast<double>(plain->size())};
  });
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite(argc, argv);
  row(suite, "rotated", [](const auto& data) { return ll::stream::rotated(data, {0, 20}); });
  row(suite, "permuted", [](const auto& data) { return ll::stream::permuted(data, 2); });
  row(suite, "split", [](const auto& data) { return ll::stream::split(data, 5); });
  return suite.run();
}
