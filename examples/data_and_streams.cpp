// SPDX-License-Identifier: MIT
// Where examples come from, and how a stream of tasks is made of them. It makes the files that it reads.
#include <lifelong/io/csv.hpp>
#include <lifelong/io/idx.hpp>
#include <lifelong/io/npy_dataset.hpp>
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

/// `count` lines of a machine's log: which machine, how fast, with how much load, how warm it becomes.
void write_log(const std::string& path, std::size_t count, std::uint64_t seed) {
  const ll::Random random(seed);
  std::ofstream log(path);
  log << "machine,note,speed,load,temperature\n";
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t machine = n % 3;
    const double speed = random.uniform(2 * n), load = random.uniform(2 * n + 1);
    const double temperature = 20 + 10 * static_cast<double>(machine) + 30 * speed * load;
    log << machine << ",\"checked, no fault\"," << speed << ',' << load << ',' << temperature << '\n';
  }
}

void write_arrays(const std::string& folder) {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int64_t> classes;
  for (std::size_t n = 0; n < 40; ++n) {
    for (std::size_t k = 0; k < 16; ++k) pixels.push_back(static_cast<std::uint8_t>(16 * (n % 10) + k));
    classes.push_back(static_cast<std::int64_t>(n % 10));
  }
  ll::io::write_npy<std::uint8_t>(folder + "/x.npy", {40, 4, 4}, pixels);
  ll::io::write_npy<std::int64_t>(folder + "/y.npy", {40, 1}, classes);
}

template <class S>
void print(const ll::Stream<S>& stream) {
  for (const auto& task : stream)
    std::printf("  %-24s %3zu examples to learn from, %3zu to measure on\n", task.name.c_str(), task.train.size(),
                task.test.size());
}

void own_arrays() {
  // [arrays]
  std::vector<float> inputs = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const ll::Dataset<float> classes(inputs, std::vector<std::int32_t>{0, 1, 0}, {2, 2});  // 3 images of 2 x 2
  const ll::Dataset<float> curve(inputs, std::vector<float>{0.5F, 1, 1.5F}, 1, {4});     // 1 target for 4 features
  // [arrays]

  // [view]
  const std::vector<std::int32_t> labels = {0, 1, 0};
  const auto view = ll::Dataset<float>::view(inputs, labels, {4});  // `inputs` and `labels` must outlive it
  // [view]
  std::printf("%zu, %zu and %zu examples\n", classes.size(), curve.size(), view.size());
}

ll::SplitData<std::uint8_t> mnist(const std::string& folder) {
  // [idx]
  return ll::io::load_idx(folder);  // train and test: images 28 x 28, classes 0 to 9
  // [idx]
}

ll::SplitData<float> logs(const std::string& folder) {
  // [csv]
  const ll::io::CsvOptions columns{.features = {"machine", "speed", "load"}, .targets = {"temperature"}};
  const ll::SplitData<float> data{ll::io::read_csv_dataset(folder + "/train.csv", columns),
                                  ll::io::read_csv_dataset(folder + "/test.csv", columns)};
  // [csv]
  return data;
}

void tables(const std::string& folder) {
  // [table]
  const auto table = ll::io::read_csv(folder + "/train.csv", {.features = {"speed", "load"}, .missing = 0});
  std::printf("%zu rows, the first feature is '%s'\n", table.size, table.feature_names[0].c_str());
  // [table]

  // [npy]
  const auto images = ll::io::read_npy_dataset<std::uint8_t>(folder + "/x.npy", folder + "/y.npy");
  // [npy]
  std::printf("%zu images of %zu pixels, %zu classes\n", images.size(), images.features(), images.classes());
}

void class_streams(const ll::SplitData<std::uint8_t>& data) {
  // [split]
  const auto pairs = ll::stream::split(data, 5);  // classes 0 and 1, then 2 and 3, ...
  const auto uneven = ll::stream::split(data, 3, {.classes_per_task = {5, 3, 2}, .shuffle = 1});
  const auto by_hand =
      ll::stream::split(data, 2, {.scenario = ll::Scenario::domain, .order = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9}});
  // [split]
  print(pairs);
  print(uneven);
  print(by_hand);
}

void mapped_streams(const ll::SplitData<float>& data) {
  // [mapped]
  const auto permuted = ll::stream::permuted(data, 10, {.seed = 1});
  const auto rotated = ll::stream::rotated(data, {0, 20, 40, 60});
  // [mapped]
  std::printf("%zu and %zu tasks of %zu examples\n", permuted.size(), rotated.size(), data.train.size());
}

void divided_streams(const ll::SplitData<float>& data) {
  // [divided]
  const auto machines = ll::stream::divided_by_values(data, 0);            // a task for each value of feature 0
  const auto speeds = ll::stream::divided_by_bounds(data, 1, {0.3, 0.7});  // slow, medium, fast
  const auto days = ll::stream::divided_by_ranges(data, {100, 100, 100}, {30, 40, 20});  // recorded in this order
  const auto hot = ll::stream::divided(
      data, 2, [](const ll::Dataset<float>& part, std::size_t i) { return part.target_values()[i] < 40 ? 0 : 1; });
  // [divided]
  print(machines);
  print(speeds);
  print(days);
  print(hot);
}

void own_stream(const ll::Dataset<float>& recording) {
  // [own]
  std::vector<ll::Task<float>> tasks;
  for (std::size_t hour = 0; hour < 3; ++hour) {
    std::vector<std::size_t> train, test;
    for (std::size_t i = 100 * hour; i < 100 * (hour + 1); ++i) (i % 5 == 4 ? test : train).push_back(i);
    const ll::Examples<float> all(recording);
    tasks.push_back({"hour " + std::to_string(hour), all.subset(train), all.subset(test)});
  }
  const ll::Stream<float> hours(std::move(tasks), recording.targets());
  // [own]
  print(hours);

  // [joined]
  const ll::Joined<float> all_hours(hours);
  // [joined]
  std::printf("%zu examples together\n", all_hours.size());
}

// [source]
/// Windows of a long signal, each with the value that follows. They are made when they are read.
struct Windows {
  std::vector<float> signal;
  std::size_t width;

  std::size_t size() const { return signal.size() - width; }
  std::size_t features() const { return width; }
  std::size_t targets() const { return 1; }

  template <class T>
  void read(std::size_t i, ll::ExampleRow<T> row) const {
    for (std::size_t k = 0; k < width; ++k) row.inputs[k] = static_cast<T>(signal[i + k]);
    row.targets[0] = static_cast<T>(signal[i + width]);
  }
};
// [source]

void lazy_sources() {
  Windows windows{{}, 8};
  for (std::size_t t = 0; t < 500; ++t) windows.signal.push_back(std::sin(0.1F * static_cast<float>(t)));

  // [loader]
  double sum = 0;
  const ll::backend::Serial backend;
  ll::BatchBuffer<float> buffer;  // grows to one batch, and is used again for the next
  for (const ll::Batch<float>& batch : ll::BatchLoader(windows, 32, buffer, backend))
    for (std::size_t n = 0; n < batch.size; ++n) sum += static_cast<double>(batch.target(n)[0]);
  // [loader]
  const ll::CachedExamples<float> cached(windows);
  std::printf("%zu windows, %zu of them kept; mean of what follows %.3f\n", windows.size(), cached.size(),
              sum / static_cast<double>(windows.size()));
}

int main(int count, char** arguments) try {
  const std::string folder = (std::filesystem::temp_directory_path() / "lifelong_data_and_streams").string();
  std::filesystem::create_directories(folder);
  write_log(folder + "/train.csv", 300, 1);
  write_log(folder + "/test.csv", 90, 2);
  write_arrays(folder);

  own_arrays();
  tables(folder);
  const auto images = ll::io::read_npy_dataset<std::uint8_t>(folder + "/x.npy", folder + "/y.npy");
  class_streams(count > 1 ? mnist(arguments[1]) : ll::SplitData<std::uint8_t>{images, images});
  mapped_streams({patterns(200, 1), patterns(100, 2)});
  const auto data = logs(folder);
  divided_streams(data);
  own_stream(data.train);
  lazy_sources();
  std::filesystem::remove_all(folder);
} catch (const ll::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
