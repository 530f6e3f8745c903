// SPDX-License-Identifier: MIT
// --device cuda, in a program whose device is the processor, by Thrust.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "catch.hpp"
#include "idx_files.hpp"
#include "program.hpp"

namespace {

using Json = nlohmann::json;
using test::Folder;

Json results_on(const char* device, const Folder& folder, const std::string& methods) {
  const auto finished = test::run(
      folder, {"run", "--device", device, "--dataset", (folder / "data").string(), "--tasks", "3", "--hidden", "16",
               "--batch-size", "32", "--epochs", "3", "--output", (folder / device).string(), "--methods", methods});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  return Json::parse(test::contents(folder / device / "results.json"));
}

}  // namespace

TEST_CASE("methods on a device come to what they come to on the processor") {
  const Folder folder;
  test::write_data(folder / "data");
  const std::string methods = "finetune,ewc,online-ewc,mas,si,rwalk,scp,ewc-dr,l2,joint";
  const Json device = results_on("cuda", folder, methods), processor = results_on("cpu", folder, methods);
  CHECK(device["device"] == "cuda");
  CHECK(device["model"] == "mlp 64-16-4, ReLU, float, on cuda");
  REQUIRE(device["runs"].size() == 10);
  for (std::size_t k = 0; k < 10; ++k) {
    const Json &actual = device["runs"][k], &expected = processor["runs"][k];
    INFO(expected["method"]);
    CHECK(actual["method"] == expected["method"]);
    CHECK(actual["state_bytes"] == expected["state_bytes"]);
    CHECK(actual["initial_accuracy"] == expected["initial_accuracy"]);
    CHECK(std::abs(actual["average_accuracy"].get<double>() - expected["average_accuracy"].get<double>()) < 0.03);
  }
}

TEST_CASE("a method that no device has is refused by name") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto finished = test::run(folder, {"run", "--device", "cuda", "--dataset", (folder / "data").string(),
                                           "--methods", "kfac", "--output", (folder / "out").string()});
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, test::ContainsSubstring("there is no method 'kfac' on a device, only finetune"));
}

TEST_CASE("a published experiment is repeated on a device, without the methods that no device has") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto finished =
      test::run(folder, {"reproduce", "rotations", "--device", "cuda", "--dataset", (folder / "data").string(),
                         "--seeds", "1", "--output", (folder / "out").string()});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  CHECK_THAT(finished.out, test::ContainsSubstring("rotated: left out, since no device runs them: er\n"));
  const Json results = Json::parse(test::contents(folder / "out/rotated/results.json"));
  CHECK(results["device"] == "cuda");
  std::string methods;
  for (const Json& run : results["runs"]) methods += run["method"].get<std::string>() + " ";
  CHECK(methods == "finetune si online-ewc joint ");

  // Which parts there are is said before data is read.
  const auto homework = test::run(folder, {"reproduce", "homework", "--device", "cuda", "--dataset",
                                           (folder / "none").string(), "--output", (folder / "homework").string()});
  CHECK(homework.code == 2);
  CHECK_THAT(homework.out,
             test::ContainsSubstring("notebook: left out, since no device runs them: hw14-ewc, ") &&
                 test::ContainsSubstring("once: left out whole, since no device runs its methods: hw14-ewc-once, "));

  const auto refused = test::run(folder, {"reproduce", "rotations", "--device", "tpu"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, test::ContainsSubstring("--device") && test::ContainsSubstring("tpu"));
}
