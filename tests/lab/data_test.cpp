// SPDX-License-Identifier: MIT
// The formats in which a folder may have its examples.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <lifelong/io/idx.hpp>
#include <lifelong/io/npy.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "idx_files.hpp"
#include "program.hpp"

namespace data_test {

namespace {

using Bytes = lifelong::Dataset<std::uint8_t>;
using Json = nlohmann::json;
using test::Folder;
using test::fs::path;

void write_npy(const path& folder, const std::string& part, const Bytes& data) {
  test::fs::create_directories(folder);
  lifelong::io::write_npy((folder / ("x_" + part + ".npy")).string(), {data.size(), 8, 8}, data.inputs());
  lifelong::io::write_npy((folder / ("y_" + part + ".npy")).string(), {data.size()}, data.labels());
}

void write_csv(const path& folder, const std::string& part, const Bytes& data) {
  test::fs::create_directories(folder);
  std::ofstream file(folder / (part + ".csv"));
  file << "label";
  for (std::size_t k = 0; k < 64; ++k) file << ",pixel" << k;
  for (std::size_t i = 0; i < data.size(); ++i) {
    file << "\n" << data.labels()[i];
    for (std::size_t k = 0; k < 64; ++k) file << "," << static_cast<int>(data.inputs()[64 * i + k]);
  }
  file << "\n";
}

std::vector<std::string> command(const Folder& folder, const path& data, const std::string& stream = "split") {
  return {"run",
          "--dataset",
          data.string(),
          "--stream",
          stream,
          "--tasks",
          "2",
          "--hidden",
          "16",
          "--epochs",
          "1",
          "--methods",
          "ewc,ridge",
          "--features",
          "ridge=50",
          "--output",
          (folder / "out").string(),
          "--overwrite"};
}

Json matrices_on(const Folder& folder, const path& data) {
  const Json results = test::results_of_command(folder, command(folder, data));
  Json matrices;
  for (const Json& run : results["runs"]) matrices.push_back(run["accuracy_matrix"]);
  REQUIRE(matrices.size() == 2);
  return matrices;
}

void check_refused(const Folder& folder, const path& data, const std::string& said) {
  const test::Finished finished = test::run(folder, command(folder, data));
  INFO(finished.err);
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, test::ContainsSubstring(said));
}

}  // namespace

TEST_CASE("the same examples in IDX, NPY and CSV files give the same results") {
  const Folder folder;
  const path idx = test::write_data(folder / "idx");
  const auto data = lifelong::io::load_idx(idx.string());
  write_npy(folder / "npy", "train", data.train);
  write_npy(folder / "npy", "test", data.test);
  write_csv(folder / "csv", "train", data.train);
  write_csv(folder / "csv", "test", data.test);
  const Json expected = matrices_on(folder, idx);
  CHECK(matrices_on(folder, folder / "npy") == expected);
  const Json of_rows = matrices_on(folder, folder / "csv");
  CHECK(of_rows[0] == expected[0]);  // ridge has other features where pixels have no neighbours
}

TEST_CASE("examples that a stream cannot be made of are refused by the name of their file") {
  const Folder folder;
  const auto data = lifelong::io::load_idx(test::write_data(folder / "idx").string());
  write_npy(folder / "npy", "train", data.train);
  check_refused(folder, folder / "npy", "_test.npy");

  write_npy(folder / "npy", "test", data.test);
  const std::vector<float> targets(data.test.size(), 0.5F);
  lifelong::io::write_npy((folder / "npy/y_test.npy").string(), {targets.size()}, std::span<const float>(targets));
  check_refused(folder, folder / "npy", "have targets, where class labels are needed");
  lifelong::io::write_npy((folder / "npy/y_test.npy").string(), {data.test.size()}, data.test.labels());
  lifelong::io::write_npy((folder / "npy/x_test.npy").string(), {data.test.size(), 64}, data.test.inputs());
  check_refused(folder, folder / "npy", "are 8 x 8, but those for tests 64");

  write_csv(folder / "csv", "train", data.train);
  test::fs::create_directories(folder / "csv");
  std::ofstream(folder / "csv/test.csv") << "label,a,b\n1,2,300\n";
  check_refused(folder, folder / "csv", "test.csv");
  write_csv(folder / "csv", "test", data.test);
  const test::Finished rotated = test::run(folder, command(folder, folder / "csv", "rotated"));
  INFO(rotated.err);
  CHECK(rotated.code == 2);
}

}  // namespace data_test
