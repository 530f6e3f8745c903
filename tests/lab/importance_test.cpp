// SPDX-License-Identifier: MIT
// `lifelong-lab importance` against the reference values, and what it says to those who hold it wrong.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
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

namespace importance_test {

namespace {

namespace io = lifelong::io;
using test::Finished;
using test::Folder;
using Words = std::vector<std::string>;
using Tensors = std::vector<std::pair<std::string, std::vector<std::size_t>>>;

/// A reference network laid out as its user would have it: model.safetensors, x.npy and y.npy.
class Case {
 public:
  explicit Case(const std::string& activation) : Case("mlp_" + activation, {"--activation", activation}) {}
  Case(const std::string& network, const Words& how)
      : how_(how), reference_(io::read_safetensors(LIFELONG_TEST_DATA "/" + network + ".safetensors")) {
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
              "--features",
              path("x.npy"),
              "--labels",
              path("y.npy"),
              "--threads",
              "2",
              "--output",
              path("out.safetensors")};
    all.insert(all.end(), how_.begin(), how_.end());
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
  Words how_;
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

/// A reference network of convolutions, and its layers.
struct Convolutions : Case {
  Convolutions() : Case("cnn", {}) { write(good()); }

  static nlohmann::json good() {
    return nlohmann::json::parse(R"({"input": [1, 10, 10], "layers": [
        {"conv2d": "0", "kernel": 3, "stride": 1, "padding": 1}, "relu", {"max_pool": 2},
        {"conv2d": "3", "stride": [2, 2], "padding": 1}, "tanh", "flatten", {"linear": "6"}]})");
  }
  Words write(const nlohmann::json& architecture) const { return write(architecture.dump()); }
  Words write(const std::string& text) const {
    std::ofstream(path("net.json")) << text;
    return {"--architecture", path("net.json")};
  }

  /// The model's file anew, every name behind `prefix`, with other tensors and metadata.
  void write_model_as(const std::string& prefix, const Tensors& more, const std::string& architecture) const {
    io::Safetensors model;
    for (const auto& [name, tensor] : parameters())
      model.add<double>(prefix + name, tensor.shape, reference().values<double>("parameters/" + name));
    for (const auto& [name, shape] : more) model.add<double>(name, shape, std::vector<double>(shape[0]));
    model.add<std::int64_t>(prefix + "1.num_batches_tracked", {}, std::vector<std::int64_t>(1));
    if (!architecture.empty()) model.set_metadata("lifelong.architecture", architecture);
    io::write_safetensors(path("model.safetensors"), model);
  }
};

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

TEST_CASE("models that are no MLP and have no architecture are refused by the tensor") {
  const Case one("relu");
  SECTION("convolution") {
    write_zeros(one, {{"0.weight", {4, 3, 3, 3}}, {"0.bias", {4}}});
    check_refused(one, {}, {"'0.weight'", "4 dimensions (4 x 3 x 3 x 3)", "by --architecture"});
  }
  SECTION("widths that do not chain") {
    write_zeros(one, {{"0.weight", {8, 12}}, {"0.bias", {8}}, {"2.weight", {5, 7}}, {"2.bias", {5}}});
    check_refused(one, {}, {"'2.weight'", "takes 7 values, but '0.weight' before it makes 8"});
  }
  SECTION("layers are ordered by number, not by letter") {
    write_zeros(one, {{"2.weight", {8, 12}}, {"10.weight", {5, 7}}});
    check_refused(one, {}, {"'10.weight'", "takes 7 values, but '2.weight' before it makes 8"});
  }
  SECTION("a bias of another length") {
    write_zeros(one, {{"0.weight", {8, 12}}, {"0.bias", {12}}});
    check_refused(one, {}, {"'0.bias'", "is 12, but its layer has 8"});
  }
  SECTION("a bias alone") {
    write_zeros(one, {{"0.weight", {8, 12}}, {"2.bias", {12}}});
    check_refused(one, {}, {"has '2.bias' but no '2.weight'"});
  }
  SECTION("names and widths that leave the order open") {
    write_zeros(one, {{"in.weight", {12, 12}}, {"body.weight", {12, 12}}, {"out.weight", {5, 12}}});
    check_refused(one, {}, {"do not say in which order its layers follow", "by --architecture"});
  }
  SECTION("rows of layers that fit in no order") {
    write_zeros(one, {{"fc1.weight", {8, 12}}, {"out.weight", {5, 7}}});
    check_refused(one, {}, {"do not say in which order"});
  }
  SECTION("a weight of nothing") {
    write_zeros(one, {{".weight", {8, 12}}});
    check_refused(one, {}, {"has a tensor '.weight'"});
  }
  SECTION("more rows than are tried") {
    Tensors many;
    for (char letter = 'a'; letter <= 'z'; ++letter) many.push_back({std::string(1, letter) + ".weight", {12, 12}});
    write_zeros(one, many);
    check_refused(one, {}, {"do not say in which order"});
  }
  SECTION("running statistics") {
    write_zeros(one, {{"0.weight", {8, 12}}, {"1.running_mean", {8}}});
    check_refused(one, {}, {"has a tensor '1.running_mean'", "by --architecture"});
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
    check_refused(one, {}, {"x.npy", "16 features per sample (36 x 4 x 4)", "model.safetensors' takes 12"});
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

TEST_CASE("importances of convolutions equal the reference") {
  const Convolutions one;
  const Words how = one.write(Convolutions::good());
  for (const auto& [estimator, group] :
       {std::pair{"fisher", "fisher_exact"}, std::pair{"fisher-empirical", "fisher_empirical"},
        std::pair{"fisher-batch", "fisher_batch"}, std::pair{"mas", "mas"}, std::pair{"scp-limit", "scp_limit"}})
    check_group<double>(
        one, one.importances({how[0], how[1], "--estimator", estimator, "--batch-size", one.batch_size()}), group);
  one.write_model<float>();
  check_group<float>(one, one.importances(how), "fisher_exact");
}

TEST_CASE("an architecture can come with the model, and names behind a prefix") {
  const Convolutions one;
  const io::Safetensors plain = one.importances(one.write(Convolutions::good()));
  const std::string prefix = GENERATE("", "module.", "module._orig_mod.model.");
  one.write_model_as(prefix, {}, Convolutions::good().dump());
  const io::Safetensors found = one.importances({});
  CHECK(found.tensors().size() == 6);
  for (const auto& [name, tensor] : one.parameters())
    CHECK(found.values<double>(prefix + name) == plain.values<double>(name));
  test::fs::remove(one.folder() / "out.safetensors");
  check_refused(one, {"--activation", "relu"}, {"--activation is for state_dicts without an architecture"});
}

TEST_CASE("labels may be a column, of any type of whole numbers") {
  const Case one("relu");
  const io::Safetensors before = one.importances({"--estimator", "fisher-empirical"});
  const auto labels = one.reference().values<std::int32_t>("y");
  const std::vector<std::uint8_t> bytes(labels.begin(), labels.end());
  io::write_npy<std::uint8_t>(one.path("y.npy"), {bytes.size(), 1}, bytes);
  CHECK(one.importances({"--estimator", "fisher-empirical"}).values<double>("0.weight") ==
        before.values<double>("0.weight"));
}

TEST_CASE("layers of an MLP may have any names that tell their order") {
  const Case one("relu");
  const io::Safetensors before = one.importances({});
  Words names = GENERATE(Words{"fc1", "fc2", "fc10"}, Words{"model.fc1", "model.fc2", "model.out"},
                         Words{"features.0", "features.2", "classifier.1"});
  io::Safetensors model;
  const Words old{"0", "2", "4"};
  for (std::size_t l = 0; l < old.size(); ++l)
    for (const char* end : {".weight", ".bias"}) {
      const std::string from = "parameters/" + old[l] + end;
      model.add<double>(names[l] + end, one.reference().at(from).shape, one.reference().values<double>(from));
    }
  io::write_safetensors(one.path("model.safetensors"), model);
  const io::Safetensors found = one.importances({});
  for (std::size_t l = 0; l < old.size(); ++l)
    for (const char* end : {".weight", ".bias"})
      CHECK(found.values<double>(names[l] + end) == before.values<double>(old[l] + end));
}

TEST_CASE("architectures that cannot be meant are refused by the layer") {
  const Convolutions one;
  const auto with = [](const char* where, const char* what) {
    auto changed = Convolutions::good();
    changed[nlohmann::json::json_pointer(where)] = nlohmann::json::parse(what);
    return changed;
  };
  const auto refused = [&](const nlohmann::json& architecture, const Words& said) {
    INFO(architecture.dump());
    check_refused(one, one.write(architecture), said);
  };
  refused(with("/layers/1", "\"swish\""), {"layer 1 of", "swish", "the layers are \"relu\", ", "{\"conv2d\": NAME}"});
  refused(with("/layers/1", "7"), {"layer 1 of", "'7'"});
  refused(with("/layers/1", "{}"), {"layer 1 of", "'{}'"});
  refused(with("/layers/0/dilation", "2"), {"layer 0 of", "'dilation'", "conv2d, kernel, stride, padding, groups"});
  refused(with("/layers/0/linear", "\"6\""), {"layer 0 of", "has a member"});
  refused(with("/layers/0/stride", "-1"), {"layer 0 of", "\"stride\"", "'-1'"});
  refused(with("/layers/0/stride", "1.5"), {"\"stride\"", "'1.5'"});
  refused(with("/layers/0/stride", "[1]"), {"\"stride\"", "[height, width]"});
  refused(with("/layers/0/stride", "0"), {"conv2d '0'", "stride of 0"});
  refused(with("/layers/0/padding", "1000000"), {"conv2d '0'", "2^32 - 1 pixels"});
  refused(with("/layers/0/padding", "18446744073709551615"), {"\"padding\""});
  refused(with("/layers/0/padding", "\"same\""), {"\"padding\""});
  refused(with("/layers/0/kernel", "5"), {"the kernel of '0' is 5", "that of its weight is 3"});
  refused(with("/layers/0/groups", "2"), {"conv2d '0'", "takes 2 channels"});
  refused(with("/layers/0/conv2d", "7"), {"layer 0 of", "\"conv2d\" must be the name"});
  refused(with("/layers/0/conv2d", "\"\""), {"\"conv2d\" must be the name"});
  refused(with("/layers/0/conv2d", "\"3\""), {"two layers", "are called '3'"});
  refused(with("/layers/0/conv2d", "\"9\""), {"asks for the tensor '9.weight'", "'0.bias', '0.weight', '3.bias'"});
  refused(with("/layers/1", "{\"batch_norm\": \"7\"}"), {"asks for the tensor '7.weight'"});
  refused(with("/layers/6", "{\"conv2d\": \"6\"}"), {"'6.weight'", "2 dimensions", "4"});
  refused(with("/layers/2", "{\"max_pool\": 11}"), {"max_pool", "no window fits"});
  refused(with("/layers/2", "{\"max_pool\": 2, \"epsilon\": 1}"), {"'epsilon'", "max_pool, stride, padding"});
  refused(with("/input", "[1, 8, 8]"), {"linear '6'", "takes 54"});
  refused(with("/input", "[3, 10, 10]"), {"conv2d '0'", "takes 1 channels"});
  refused(with("/input", "[]"), {"\"input\" must be a list"});
  refused(with("/input", "[1, 0, 10]"), {"\"input\" must be a list"});
  refused(with("/input", "[1000000, 1000000, 1000000]"), {"conv2d '0'"});
  refused(with("/loss", "\"mse\""), {"has a member 'loss'", "input, layers"});
  refused(with("/layers", "[]"), {"no layer of", "has parameters"});
  refused(with("/layers", "{}"), {"\"layers\" must be a list"});
  refused(with("/layers", "[{\"conv2d\": \"0\", \"padding\": 1}, \"global_avg_pool\", \"flatten\"]"),
          {"has the tensors '3.bias', '3.weight', '6.bias', '6.weight'", "its layers take '0'"});
  auto shapeless = Convolutions::good();
  shapeless.erase("input");
  refused(shapeless, {"must say the shape of a sample"});
  auto endless = Convolutions::good();
  endless["layers"].erase(5);
  refused(endless, {"linear '6'", "takes 54 inputs but is given 6 x 3 x 3"});
  const auto refused_text = [&](const std::string& text, const Words& said) {
    INFO(text);
    check_refused(one, one.write(text), said);
  };
  refused_text("", {"is not JSON"});
  refused_text("[]", {"must be an object"});
  refused_text(R"({"input": [1e999]})", {"has a number that is too large"});
  refused_text(Convolutions::good().dump() + "x", {"is not JSON", "damaged at byte"});
  refused_text(R"({"layers": [], "layers": []})", {"says 'layers' twice"});
  refused_text(std::string(100000, '['), {"nested deeper"});
  refused_text(std::string((1 << 20) + 1, ' '), {"has more than the 1048576 bytes"});
  check_refused(one, {"--architecture", "none.json"}, {"'none.json' cannot be opened"});
}

TEST_CASE("tensors that no layer takes are refused, and those that a layer needs") {
  const Convolutions one;
  const Words how = one.write(Convolutions::good());
  one.write_model_as("", {{"aux.bias", {4}}}, "");
  check_refused(one, how, {"has the tensors 'aux.bias', which no layer", "its layers take '0', '3', '6'"});
  auto normed = Convolutions::good();
  normed["layers"].insert(normed["layers"].begin() + 1, nlohmann::json::object({{"batch_norm", "1"}}));
  one.write_model_as("", {{"1.weight", {4}}, {"1.bias", {4}}, {"1.running_mean", {4}}}, "");
  check_refused(one, one.write(normed), {"asks for the tensor '1.running_var'", "'1.running_mean'"});
  one.write_model_as("", {{"1.weight", {4}}, {"1.bias", {4}}, {"1.running_mean", {4}}, {"1.running_var", {5}}}, "");
  check_refused(one, one.write(normed), {"'1.running_var'", "is 5, but its layer has 4"});
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

}  // namespace importance_test
