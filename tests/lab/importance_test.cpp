// SPDX-License-Identifier: MIT
// `lifelong-lab importance` against the reference values, and what it says to those who hold it wrong.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <lifelong/io/npy.hpp>
#include <lifelong/io/safetensors.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "program.hpp"

namespace {

namespace io = lifelong::io;
using test::Finished;
using test::Folder;
using Words = std::vector<std::string>;
using Tensors = std::vector<std::pair<std::string, std::vector<std::size_t>>>;

/// A reference network laid out as its user would have it: model.safetensors, x.npy and y.npy.
class Case {
 public:
  explicit Case(const std::string& activation)
      : activation_(activation),
        reference_(io::read_safetensors(LIFELONG_TEST_DATA "/mlp_" + activation + ".safetensors")) {
    write_model<double>();
    write_features<double>();
    const auto labels = reference_.values<std::int32_t>("y");
    io::write_npy<std::int32_t>(path("y.npy"), {labels.size()}, labels);
  }

  template <class T>
  void write_model() const {
    io::Safetensors model;
    for (const auto& [name, tensor] : parameters()) {
      const auto values = reference_.values<double>("parameters/" + name);
      model.add<T>(name, tensor.shape, std::vector<T>(values.begin(), values.end()));
    }
    io::write_safetensors(path("model.safetensors"), model);
  }

  template <class T>
  void write_features() const {
    const auto values = reference_.values<double>("x");
    io::write_npy<T>(path("x.npy"), reference_.at("x").shape, std::vector<T>(values.begin(), values.end()));
  }

  /// The command with the three files, and what else is said; later options win.
  Words words(const Words& more) const {
    Words all{"importance",
              "--model",
              path("model.safetensors"),
              "--activation",
              activation_,
              "--features",
              path("x.npy"),
              "--labels",
              path("y.npy"),
              "--threads",
              "2",
              "--output",
              path("out.safetensors")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  io::Safetensors importances(const Words& more) const {
    const Finished finished = test::run(folder_, words(more));
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    return io::read_safetensors(path("out.safetensors"));
  }

  /// The parameters' names and shapes.
  std::vector<std::pair<std::string, io::Tensor>> parameters() const {
    std::vector<std::pair<std::string, io::Tensor>> found;
    const std::string group = "parameters/";
    for (const auto& [name, tensor] : reference_.tensors())
      if (name.starts_with(group)) found.emplace_back(name.substr(group.size()), tensor);
    return found;
  }

  std::string batch_size() const { return nlohmann::json::parse(reference_.metadata().at("case"))["batch"].dump(); }
  const io::Safetensors& reference() const { return reference_; }
  const Folder& folder() const { return folder_; }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::string activation_;
  io::Safetensors reference_;
  Folder folder_;
};

/// Double: every element to 1e-9 of itself. Float: to 1e-4 of the largest.
template <class T>
void check_group(const Case& one, const io::Safetensors& importances, const std::string& group) {
  REQUIRE(importances.tensors().size() == one.parameters().size());
  for (const auto& [name, tensor] : one.parameters()) {
    INFO(group << "/" << name);
    CHECK(importances.at(name).shape == tensor.shape);
    const auto actual = importances.values<T>(name);
    const auto expected = one.reference().values<double>(group + "/" + name);
    double largest = 0;
    for (const double value : expected) largest = std::max(largest, value);
    for (std::size_t i = 0; i < expected.size(); ++i)
      REQUIRE_THAT(static_cast<double>(actual[i]),
                   test::WithinAbs(expected[i], sizeof(T) == 8 ? 1e-9 * std::abs(expected[i]) : 1e-4 * largest));
  }
}

/// The program must refuse at once: one sentence with these words, and nothing written.
void check_refused(const Case& one, const Words& more, const Words& said) {
  const Finished finished = test::run(one.folder(), one.words(more));
  INFO(finished.err);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
  for (const std::string& word : said) CHECK_THAT(finished.err, test::ContainsSubstring(word));
  CHECK_FALSE(test::fs::exists(one.folder() / "out.safetensors"));
}

/// Writes a model of zeros with tensors of these names and shapes.
template <class T = double>
void write_zeros(const Case& one, const Tensors& tensors) {
  io::Safetensors model;
  for (const auto& [name, shape] : tensors) {
    std::size_t count = 1;
    for (const std::size_t extent : shape) count *= extent;
    model.add<T>(name, shape, std::vector<T>(count));
  }
  io::write_safetensors(one.path("model.safetensors"), model);
}

}  // namespace

TEST_CASE("importances of a model from outside equal the reference") {
  const Case one(GENERATE("relu", "tanh"));
  for (const auto& [estimator, group] :
       {std::pair{"fisher", "fisher_exact"}, std::pair{"fisher-empirical", "fisher_empirical"},
        std::pair{"fisher-predicted", "fisher_predicted"}, std::pair{"fisher-batch", "fisher_batch"},
        std::pair{"gauss-newton", "fisher_exact"}, std::pair{"mas", "mas"}, std::pair{"mas-norm", "mas_norm"},
        std::pair{"mas-batch", "mas_batch"}, std::pair{"scp-limit", "scp_limit"}}) {
    const auto found = one.importances({"--estimator", estimator, "--batch-size", one.batch_size()});
    check_group<double>(one, found, group);
    CHECK(found.metadata().at("estimator") == estimator);
    CHECK(found.metadata().at("samples") == std::to_string(one.reference().at("y").shape[0]));
  }
}

TEST_CASE("importances are computed in the model's precision") {
  const Case one("relu");
  one.write_model<float>();
  check_group<float>(one, one.importances({}), "fisher_exact");
  one.write_features<float>();
  check_group<float>(one, one.importances({"--estimator", "mas"}), "mas");
}

TEST_CASE("only what is named after batches depends on the batch size") {
  const Case one("relu");
  const auto group_of = [](const std::string& estimator) {
    return estimator == "mas" ? "mas" : "fisher_" + estimator.substr(7);
  };
  for (const char* size : {"1", "7", "1000"})
    for (const std::string estimator : {"fisher-empirical", "mas"})
      check_group<double>(one, one.importances({"--estimator", estimator, "--batch-size", size}), group_of(estimator));
  const auto bytes_with = [&](const Words& more) {
    (void)one.importances(more);
    return test::contents(one.folder() / "out.safetensors");
  };
  CHECK(bytes_with({"--estimator", "fisher-batch", "--batch-size", "7"}) !=
        bytes_with({"--estimator", "fisher-batch", "--batch-size", "8"}));
  CHECK(one.importances({"--estimator", "mas-batch", "--batch-size", "7"}).metadata().at("batch_size") == "7");
  CHECK(bytes_with({"--estimator", "scp", "--seed", "1"}) != bytes_with({"--estimator", "scp", "--seed", "2"}));
  CHECK(bytes_with({"--threads", "1"}) == bytes_with({"--threads", "3"}));
}

TEST_CASE("every estimator has a result") {
  const Case one("tanh");
  for (const char* estimator : {"fisher-sampled", "ewc-dr", "mas-mean", "mas-local", "scp"}) {
    INFO(estimator);
    const auto found = one.importances({"--estimator", estimator, "--samples", "10"});
    CHECK(found.metadata().at("samples") == "10");
    double largest = 0;
    for (const double value : found.values<double>("0.weight")) largest = std::max(largest, value);
    CHECK(largest > 0);
  }
}

TEST_CASE("labels may be left away where they are not needed") {
  const Case one("tanh");
  Words words{"importance",      "--model",  one.path("model.safetensors"), "--activation", "tanh", "--features",
              one.path("x.npy"), "--output", one.path("out.safetensors"),   "--estimator"};
  words.push_back("mas");
  REQUIRE(test::run(one.folder(), words).code == 0);
  check_group<double>(one, io::read_safetensors(one.path("out.safetensors")), "mas");
  words.back() = "fisher-empirical";
  CHECK_THAT(test::run(one.folder(), words).err, test::ContainsSubstring("fisher-empirical needs --labels"));
}

TEST_CASE("a layer without bias, numbers with gaps and images as features are taken as they are") {
  const Case one("relu");
  io::Safetensors with, without;
  const std::vector<double> first{0.5, -1, 2, 0.25, 1, -0.5, 0.75, 1.5}, second{1, -2, 0.5, 0.25, -1, 3};
  const std::vector<double> zeros(2), third{0.1, -0.2, 0.3};
  for (io::Safetensors* model : {&with, &without}) {
    model->add<double>("1.weight", {2, 4}, first);
    model->add<double>("10.weight", {3, 2}, second);
    model->add<double>("10.bias", {3}, third);
  }
  with.add<double>("1.bias", {2}, zeros);
  const std::vector<double> images{1, 2, -3, 4, 0.5, -1, 2, -0.25, 1, 1, 1, -1};
  io::write_npy<double>(one.path("x.npy"), {3, 2, 2}, images);
  io::write_npy<std::int64_t>(one.path("y.npy"), {3}, std::vector<std::int64_t>{0, 2, 1});
  const auto importances_of = [&](const io::Safetensors& model) {
    io::write_safetensors(one.path("model.safetensors"), model);
    return one.importances({"--activation", "sigmoid", "--estimator", "fisher-empirical"});
  };
  const io::Safetensors full = importances_of(with), bare = importances_of(without);
  CHECK(bare.tensors().size() == 3);
  for (const char* name : {"1.weight", "10.weight", "10.bias"})
    CHECK(bare.values<double>(name) == full.values<double>(name));
  CHECK(bare.values<double>("1.weight")[0] > 0);
}

TEST_CASE("every hidden layer can have its own activation") {
  const Case one("relu");
  const auto weights_with = [&](const std::string& activation) {
    const auto found = one.importances({"--activation", activation});
    return found.values<double>("0.weight");
  };
  CHECK(weights_with("gelu,tanh") != weights_with("tanh,gelu"));
  CHECK(weights_with("gelu,tanh") != weights_with("gelu"));
  CHECK(weights_with("relu,relu") == weights_with("relu"));
  check_refused(Case("relu"), {"--activation", "relu,relu,relu"}, {"--activation lists 3", "has 2 hidden layers"});
  check_refused(Case("relu"), {"--activation", ""}, {"has 2 hidden layers", "--activation"});
}

TEST_CASE("importance: arguments that cannot be meant are refused in one sentence") {
  struct Refusal {
    Words words, said;
  };
  const auto [words, said] =
      GENERATE(Refusal{{"--estimator", "magic"}, {"no estimator 'magic'", "fisher, fisher-sampled", "scp-limit"}},
               Refusal{{"--activation", "swish"}, {"--activation knows no 'swish'", "relu, tanh, sigmoid, gelu"}},
               Refusal{{"--activation", "relu,"}, {"--activation knows no ''"}},
               Refusal{{"--batch-size", "0"}, {"--batch-size", "'0'"}},
               Refusal{{"--samples", "0"}, {"--samples", "'0'"}}, Refusal{{"--samples", "49"}, {"--samples 49", "48"}},
               Refusal{{"--draws", "5"}, {"--draws is no setting of fisher, only of fisher-sampled"}},
               Refusal{{"--slices", "5"}, {"--slices is no setting of fisher, only of scp"}},
               Refusal{{"--seed", "5"}, {"--seed is no setting of fisher, only of fisher-sampled, scp"}},
               Refusal{{"--estimator", "scp", "--slices", "0"}, {"--slices", "'0'"}},
               Refusal{{"--model", "none.safetensors"}, {"'none.safetensors' cannot be opened"}},
               Refusal{{"--features", "none.npy"}, {"'none.npy' cannot be opened"}},
               Refusal{{"--labels", "none.npy"}, {"'none.npy' cannot be opened"}},
               Refusal{{"--output", "/proc/lifelong/out"}, {"/proc/lifelong/out", "cannot be written"}},
               Refusal{{"--output", "/tmp"}, {"'/tmp'"}}, Refusal{{"--magic"}, {"--magic", "importance --help"}});
  check_refused(Case("relu"), words, said);
}

TEST_CASE("models that are no nn.Sequential of Linear layers are refused by the tensor") {
  const Case one("relu");
  SECTION("convolution") {
    write_zeros(one, {{"0.weight", {4, 3, 3, 3}}, {"0.bias", {4}}});
    check_refused(one, {}, {"0.weight", "4 dimensions (4 x 3 x 3 x 3)", "convolutions"});
  }
  SECTION("widths that do not chain") {
    write_zeros(one, {{"0.weight", {8, 12}}, {"0.bias", {8}}, {"2.weight", {5, 7}}, {"2.bias", {5}}});
    check_refused(one, {}, {"2.weight", "takes 7 values, but 0.weight before it makes 8"});
  }
  SECTION("layers are ordered by number, not by letter") {
    write_zeros(one, {{"2.weight", {8, 12}}, {"10.weight", {5, 7}}});
    check_refused(one, {}, {"10.weight", "takes 7 values, but 2.weight before it makes 8"});
  }
  SECTION("a bias of another length") {
    write_zeros(one, {{"0.weight", {8, 12}}, {"0.bias", {12}}});
    check_refused(one, {}, {"0.bias", "is 12, but 0.weight has 8 rows"});
  }
  SECTION("a bias alone") {
    write_zeros(one, {{"0.weight", {8, 12}}, {"2.bias", {12}}});
    check_refused(one, {}, {"has 2.bias but no 2.weight"});
  }
  SECTION("other names") {
    write_zeros(one, {{"fc1.weight", {8, 12}}});
    check_refused(one, {}, {"has a tensor 'fc1.weight'", "0.weight, 0.bias, 2.weight"});
  }
  SECTION("running statistics") {
    write_zeros(one, {{"0.weight", {8, 12}}, {"1.running_mean", {8}}});
    check_refused(one, {}, {"1.running_mean"});
  }
  SECTION("no tensors") {
    write_zeros(one, {});
    check_refused(one, {}, {"has no tensors"});
  }
  SECTION("an empty layer") {
    write_zeros(one, {{"0.weight", {0, 12}}});
    check_refused(one, {}, {"0.weight", "is empty: 0 x 12"});
  }
  SECTION("whole numbers") {
    write_zeros<std::int64_t>(one, {{"0.weight", {8, 12}}});
    check_refused(one, {}, {"0.weight", "is I64, but only F32 and F64"});
  }
  SECTION("two precisions") {
    io::Safetensors model;
    model.add<double>("0.weight", {1, 12}, std::vector<double>(12));
    model.add<float>("0.bias", {1}, std::vector<float>(1));
    io::write_safetensors(one.path("model.safetensors"), model);
    check_refused(one, {}, {"0.weight", "is F64 while others are F32"});
  }
  SECTION("a weight that is not finite") {
    io::Safetensors model;
    std::vector<double> weight(12);
    weight[7] = std::numeric_limits<double>::quiet_NaN();
    model.add<double>("0.weight", {1, 12}, weight);
    io::write_safetensors(one.path("model.safetensors"), model);
    check_refused(one, {}, {"0.weight[7]", "is nan"});
  }
  SECTION("damage") {
    test::fs::resize_file(one.path("model.safetensors"), 1000);
    check_refused(one, {}, {"model.safetensors", "too short"});
  }
  SECTION("something else") { check_refused(one, {"--model", one.path("x.npy")}, {"x.npy", "header"}); }
}

TEST_CASE("features and labels that do not fit are refused by the sample") {
  const Case one("relu");
  std::vector<double> features(48 * 12);
  std::vector<std::int64_t> labels(48);
  SECTION("widths") {
    io::write_npy<double>(one.path("x.npy"), {36, 4, 4}, features);
    check_refused(one, {}, {"x.npy", "16 features per sample (36 x 4 x 4)", "0.weight", "takes 12"});
  }
  SECTION("not a number") {
    features[3 * 12 + 5] = std::numeric_limits<double>::quiet_NaN();
    io::write_npy<double>(one.path("x.npy"), {48, 12}, features);
    check_refused(one, {}, {"feature 5 of sample 3", "is nan"});
  }
  SECTION("too large for the model's precision") {
    one.write_model<float>();
    features[0] = 1e300;
    io::write_npy<double>(one.path("x.npy"), {48, 12}, features);
    check_refused(one, {}, {"feature 0 of sample 0", "is inf"});
  }
  SECTION("bytes") {
    io::write_npy<std::uint8_t>(one.path("x.npy"), {48, 12}, std::vector<std::uint8_t>(48 * 12));
    check_refused(one, {}, {"x.npy", "|u1", "float32 or float64"});
  }
  SECTION("no samples") {
    io::write_npy<double>(one.path("x.npy"), {0, 12}, {});
    check_refused(one, {}, {"x.npy", "no samples"});
  }
  SECTION("a single value") {
    io::write_npy<double>(one.path("x.npy"), {}, std::vector<double>(1));
    check_refused(one, {}, {"x.npy", "no samples"});
  }
  SECTION("a label beyond the outputs") {
    labels[9] = 5;
    io::write_npy<std::int64_t>(one.path("y.npy"), {48}, labels);
    check_refused(one, {}, {"label 5 of sample 9", "none of the 5 outputs"});
  }
  SECTION("a negative label") {
    labels[9] = -1;
    io::write_npy<std::int64_t>(one.path("y.npy"), {48}, labels);
    check_refused(one, {}, {"label -1 of sample 9"});
  }
  SECTION("a label that would wrap around") {
    labels[9] = std::int64_t{1} << 32;
    io::write_npy<std::int64_t>(one.path("y.npy"), {48}, labels);
    check_refused(one, {}, {"label 4294967296 of sample 9"});
  }
  SECTION("too few labels") {
    io::write_npy<std::int64_t>(one.path("y.npy"), {47}, std::vector<std::int64_t>(47));
    check_refused(one, {}, {"47 labels for 48 samples"});
  }
  SECTION("labels that are no classes") {
    io::write_npy<double>(one.path("y.npy"), {48}, std::vector<double>(48));
    check_refused(one, {}, {"y.npy", "<f8", "whole numbers"});
  }
  SECTION("labels one-hot") {
    io::write_npy<std::int64_t>(one.path("y.npy"), {48, 5}, std::vector<std::int64_t>(48 * 5));
    check_refused(one, {}, {"y.npy", "48 x 5", "one class per sample"});
  }
}

TEST_CASE("an interrupted estimation leaves what was there") {
  const Case one("relu");
  std::ofstream(one.path("out.safetensors")) << "here first";
  test::Program program(one.folder(), one.words({"--estimator", "scp", "--slices", "1000000"}));
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (test::contents(one.folder() / "stderr").empty() && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.send(GENERATE(SIGINT, SIGTERM));
  const Finished interrupted = program.wait();
  CHECK(interrupted.code == 130);
  CHECK_THAT(interrupted.err, test::ContainsSubstring("interrupted: nothing is written"));
  CHECK(test::contents(one.folder() / "out.safetensors") == "here first");
  for (const auto& entry : test::fs::directory_iterator(one.folder().path())) CHECK(entry.path().extension() != ".tmp");
}
