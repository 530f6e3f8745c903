// SPDX-License-Identifier: MIT
// Steps of a learner on a device, against copies from one of its arrays to another: step [--smoke] [--seconds S]
// [--json FILE]. A row is the least time of a step and of a copy, which take turns; the share is the bandwidth of the
// step, counting what it has to read and write at the least, in that of the copy. Prints Markdown. By a host compiler
// on one of Thrust's systems it runs on the processor, which shows that it runs.
#include <lifelong/cuda.cuh>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ll = lifelong;
using ll::importance::Fisher, ll::importance::RWalk, ll::importance::SynapticIntelligence;
using ll::optimizer::Adam, ll::optimizer::Momentum;
using ll::penalty::Quadratic;

namespace step_benchmark {

/// Parameters and nothing else.
struct OnDevice {
  using value_type = float;
  ll::cuda::Array<float> theta;
  std::span<float> parameters() { return {theta.data(), theta.size()}; }
  double gradient(const ll::Batch<float>&, std::span<float>) { return 0; }
};

/// to_i: values in [low, low + width) in no order.
struct Scatter {
  float* to;
  float low, width;
  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const {
    auto bits = static_cast<std::uint32_t>(i) * 2654435769u;
    bits = (bits ^ (bits >> 16)) * 0x85ebca6bu;
    to[i] = low + width * static_cast<float>((bits ^ (bits >> 13)) >> 8) * 0x1p-24f;
  }
};

/// Seconds that the work on a stream takes.
class Timer {
  using Stream = ll::cuda::Backend::Stream;

 public:
#if defined(__CUDACC__)
  Timer() {
    ll::cuda::detail::check(cudaEventCreate(&begin_), "cudaEventCreate");
    ll::cuda::detail::check(cudaEventCreate(&end_), "cudaEventCreate");
  }
  ~Timer() {
    static_cast<void>(cudaEventDestroy(begin_));
    static_cast<void>(cudaEventDestroy(end_));
  }
  template <class Work>
  double operator()(Stream stream, const Work& work) const {
    ll::cuda::detail::check(cudaEventRecord(begin_, stream), "cudaEventRecord");
    work();
    ll::cuda::detail::check(cudaEventRecord(end_, stream), "cudaEventRecord");
    ll::cuda::detail::check(cudaEventSynchronize(end_), "cudaEventSynchronize");
    float milliseconds = 0;
    ll::cuda::detail::check(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
    return 1e-3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t begin_{}, end_{};
#else
  Timer() = default;
  template <class Work>
  double operator()(Stream, const Work& work) const {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
#endif
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
};

struct Options {
  bool smoke = false;
  double seconds = 2;  ///< for a row
  std::string json;
};

struct Row {
  std::string name;
  std::size_t parameters = 0;
  double seconds = 0, bytes = 0;  ///< of a step
  double copy_rate = 0;           ///< in bytes per second, read and written ones

  [[nodiscard]] double rate() const { return bytes / seconds; }
  [[nodiscard]] double share() const { return rate() / copy_rate; }
};

/// One of the two that take turns: calls per turn, and the least seconds per call so far.
template <class Call>
class Contestant {
 public:
  explicit Contestant(ll::cuda::Backend::Stream stream, Call call) : stream_(stream), call_(std::move(call)) {
    turn();  // warms up
    turn();
    calls_ = static_cast<int>(std::clamp(5e-3 / least_, 1.0, 1000.0));
    least_ = std::numeric_limits<double>::infinity();
  }
  void turn() {
    const double seconds = timer_(stream_, [&] {
      for (int k = 0; k < calls_; ++k) call_();
    });
    least_ = std::min(least_, seconds / calls_);
  }
  [[nodiscard]] double least() const { return least_; }

 private:
  Timer timer_;
  ll::cuda::Backend::Stream stream_;
  Call call_;
  int calls_ = 1;
  double least_ = std::numeric_limits<double>::infinity();
};

/// Two arrays to copy from and to, together as large as the step's but no larger than 4 GiB, which is far beyond
/// caches.
class Yardstick {
 public:
  Yardstick(std::size_t floats, ll::cuda::Backend::Stream stream) : stream_(stream) {
    array_.resize(std::min(floats, std::size_t{1} << 30) / 2 * 2);
  }
  void copy() {
    ll::cuda::System::copy(stream_, array_.data() + array_.size() / 2, array_.data(), array_.size() / 2 * sizeof(float),
                           [] { return std::string("the yardstick"); });
  }
  [[nodiscard]] double bytes() const { return static_cast<double>(array_.size() * sizeof(float)); }

 private:
  ll::cuda::Backend::Stream stream_;
  ll::cuda::Array<float> array_;
};

template <class Policy>
constexpr int traffic_of() {
  const ll::Traffic traffic = ll::detail::traffic_of<Policy>();
  return traffic.reads + traffic.writes;
}

template <class Importance, class Optimizer>
Row measure(const std::string& name, std::size_t count, const Options& options) {
  const ll::cuda::Backend backend;
  OnDevice model;
  model.theta.resize(count);
  ll::Learner learner{std::move(model), Importance{}, Quadratic{}, Optimizer{.learning_rate = 1e-6}, backend};
  const auto fill = [&](float* to, float low, float width) {
    ll::cuda::System::launch_each(backend.stream(), count, Scatter{to, low, width});
  };
  fill(learner.parameters().data(), -1, 2);
  fill(learner.gradient().data(), -1, 2);
  fill(learner.state().penalty.template get<Quadratic::anchored.importance>().data(), 0, 1e-3f);
  fill(learner.state().penalty.template get<Quadratic::anchored.anchor>().data(), -0.5f, 1);

  // θ read and written, g read, and what the policies say.
  constexpr int traffic = 3 + traffic_of<Importance>() + traffic_of<Quadratic>() + traffic_of<Optimizer>();
  constexpr std::size_t arrays =
      4 + ll::detail::arrays_of<Importance>().size() + ll::detail::arrays_of<Optimizer>().size();
  Yardstick yardstick(arrays * count, backend.stream());
  Contestant step(backend.stream(), [&] { learner.enqueue_step(learner.gradient()); });
  Contestant copy(backend.stream(), [&] { yardstick.copy(); });
  const auto begin = std::chrono::steady_clock::now();
  const auto over = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > options.seconds;
  };
  for (int round = 0; round < 2 || (!over() && !options.smoke); ++round) {
    copy.turn();
    step.turn();
  }
  const double penalty = learner.finish_steps();
  if (!(penalty > 0 && penalty < ll::detail::Ordinary<float>::penalty))  // else steps are not enqueued
    throw std::runtime_error(name + ": the penalty is " + std::to_string(penalty));
  return {name, count, step.least(), static_cast<double>(traffic) * static_cast<double>(count * sizeof(float)),
          yardstick.bytes() / copy.least()};
}

void print(const Row& row) {
  std::printf("| %s | %.0e | %.3f | %.0f | %.0f | %.1f %% |\n", row.name.c_str(), static_cast<double>(row.parameters),
              1e3 * row.seconds, 1e-9 * row.rate(), 1e-9 * row.copy_rate, 100 * row.share());
  std::fflush(stdout);
}

/// \throws std::runtime_error if the file cannot be written.
void write(const std::string& path, const std::vector<Row>& rows) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) throw std::runtime_error(path + " cannot be written");
  std::fputs("[", file);
  for (std::size_t k = 0; k < rows.size(); ++k)
    std::fprintf(file,
                 "%s\n  {\"name\": \"%s\", \"parameters\": %zu, \"seconds\": %.9g, \"bytes\": %.17g, \"copy_rate\": "
                 "%.9g, \"share\": %.6g}",
                 k == 0 ? "" : ",", rows[k].name.c_str(), rows[k].parameters, rows[k].seconds, rows[k].bytes,
                 rows[k].copy_rate, rows[k].share());
  std::fputs("\n]\n", file);
  if (std::fclose(file) != 0) throw std::runtime_error(path + " cannot be written");
}

Options read(int argc, char** argv) {
  Options options;
  for (int k = 1; k < argc; ++k) {
    const std::string_view argument = argv[k];
    if (argument == "--smoke") {
      options.smoke = true;
    } else if (argument == "--seconds" && k + 1 < argc) {
      options.seconds = std::atof(argv[++k]);
    } else if (argument == "--json" && k + 1 < argc) {
      options.json = argv[++k];
    } else {
      throw std::runtime_error("usage: step [--smoke] [--seconds S] [--json FILE]");
    }
  }
  return options;
}

void run(const Options& options) {
  std::vector<Row> rows;
  const auto row = [&]<class Importance, class Optimizer>(const std::string& name, Importance, Optimizer,
                                                          std::size_t count) {
    try {
      rows.push_back(measure<Importance, Optimizer>(name, count, options));
      print(rows.back());
    } catch (const ll::OutOfMemory&) {
      std::printf("| %s | %.0e | too little memory | | | |\n", name.c_str(), static_cast<double>(count));
    } catch (const std::bad_alloc&) {
      std::printf("| %s | %.0e | too little memory | | | |\n", name.c_str(), static_cast<double>(count));
    }
  };
  std::puts("| step | parameters | ms | GB/s | GB/s of a copy | share |\n|---|---|---|---|---|---|");
  const std::vector<std::size_t> sizes = options.smoke
                                             ? std::vector<std::size_t>{10'000}
                                             : std::vector<std::size_t>{10'000'000, 100'000'000, 1'000'000'000};
  for (const std::size_t count : sizes) {
    row("EWC + momentum", Fisher{}, Momentum{}, count);
    row("EWC + Adam", Fisher{}, Adam{}, count);
    row("SI + momentum", SynapticIntelligence{}, Momentum{}, count);
    row("RWalk + momentum", RWalk{}, Momentum{}, count);
  }
  if (!options.json.empty()) write(options.json, rows);
}

}  // namespace step_benchmark

int main(int argc, char** argv) {
#if defined(__CUDACC__)
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess || devices == 0) {
    std::printf("skipped: no CUDA device (%s)\n", cudaGetErrorString(status));
    return 77;
  }
#endif
  try {
    step_benchmark::run(step_benchmark::read(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "step: %s\n", error.what());
    return 1;
  }
}
