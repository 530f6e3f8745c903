// SPDX-License-Identifier: MIT
// Networks that are described in JSON, and networks that are saved.
#include <chrono>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/io/safetensors.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/rehearsal/dark_experience.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "any_optimizer.hpp"
#include "idx_files.hpp"
#include "network.hpp"
#include "program.hpp"
#include "random_batch.hpp"

namespace network_test {

namespace {

namespace ll = lifelong;
using Json = nlohmann::json;
using test::Folder;
using Words = std::vector<std::string>;

Words command(const Folder& folder, const Words& more) {
  Words words{"run",
              "--dataset",
              (folder / "data").string(),
              "--tasks",
              "3",
              "--batch-size",
              "32",
              "--epochs",
              "2",
              "--threads",
              "2",
              "--output",
              (folder / "out").string(),
              "--overwrite"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Json results_of(const Folder& folder, const Words& more) {
  return test::results_of_command(folder, command(folder, more));
}

/// A file that describes a network.
std::string network(const Folder& folder, const std::string& json) {
  const auto path = folder / "net.json";
  std::ofstream(path, std::ios::trunc) << json;
  return path.string();
}

void check_refused(const Folder& folder, const std::string& json, const std::string& said) {
  const test::Finished finished =
      test::run(folder, command(folder, {"--methods", "finetune", "--network", network(folder, json)}));
  INFO(json << "\n" << finished.err);
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, test::ContainsSubstring(said));
  CHECK_FALSE(test::fs::exists(folder / "out/results.json"));
}

template <class Optimizer>
void check_taken_up(const Folder& folder, const std::string& name, const Optimizer& optimizer) {
  results_of(folder, {"--methods", "ewc", "--hidden", "16", "--optimizer", name, "--learning-rate", "0.01",
                      "--strength", "ewc=3", "--save-models"});
  ll::Learner learner(ll::nn::mlp<float>({64, 16, 4}, {.seed = 1}, ll::backend::OpenMP{2}),
                      ll::importance::Fisher{.seed = 1},
                      ll::penalty::Quadratic{.strength = 3, .anchor = ll::penalty::Anchor::per_task}, optimizer,
                      ll::backend::OpenMP{2});
  INFO(name);
  CHECK_NOTHROW(ll::io::restore(ll::io::read_safetensors((folder / "out/ewc-1.safetensors").string()), learner));
  CHECK(learner.tasks() == 2);
}

/// Parameters after some steps; the penalty asks the optimizer for its rate too.
template <class Optimizer>
std::vector<float> after_steps(const Optimizer& optimizer) {
  ll::Learner learner(ll::nn::mlp<float>({6, 5, 3}, {.seed = 1}), ll::importance::Fisher{},
                      ll::penalty::ImplicitQuadratic{.strength = 5}, optimizer);
  const test::RandomBatch<float> batch(8, 6, 3, 7);
  for (int task = 0; task < 2; ++task) {
    for (int step = 0; step < 10; ++step) learner.step(batch.batch());
    learner.consolidate(std::vector{batch.batch()});
  }
  const auto parameters = learner.parameters();
  return {parameters.begin(), parameters.end()};
}

/// Parameters after two tasks with importance, penalty and rehearsal.
template <class Network, class Importance, class Penalty, class... Rehearsal>
std::vector<float> after_tasks(const Network& network, const Importance& importance, const Penalty& penalty,
                               const Rehearsal&... rehearsal) {
  ll::Learner learner(network, importance, penalty, ll::optimizer::Sgd{.learning_rate = 0.05}, ll::backend::OpenMP{2},
                      rehearsal...);
  const test::RandomBatch<float> batch(8, 6, 3, 7);
  for (int task = 0; task < 2; ++task) {
    for (int step = 0; step < 10; ++step) learner.step(batch.batch());
    learner.consolidate(std::vector{batch.batch()});
  }
  const auto parameters = learner.parameters();
  return {parameters.begin(), parameters.end()};
}

}  // namespace

TEST_CASE("the network of an experiment computes what a perceptron of the library does, to the bit") {
  const std::vector<std::size_t> widths{6, 5, 3};
  const ll::backend::OpenMP backend{2};
  std::vector<lab::Layer> layers;
  for (const auto& layer : ll::nn::mlp_layers(widths, ll::nn::Activation::relu))
    std::visit([&](const auto& own) { layers.emplace_back(own); }, layer);
  const lab::Network any({6}, layers, 1, backend);
  const auto mlp = ll::nn::mlp<float>(widths, {.seed = 1}, backend);
  const auto check = [&](const auto&... parts) { CHECK(after_tasks(any, parts...) == after_tasks(mlp, parts...)); };
  check(ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = 5});
  check(ll::importance::Mas{}, ll::penalty::Quadratic{.strength = 5});
  check(ll::nn::KroneckerFisher{}, ll::nn::KroneckerPenalty{.strength = 5});
  const ll::rehearsal::DerPlusPlus dark{.capacity = 6, .batch_size = 4};
  check(ll::importance::Constant{}, ll::penalty::None{}, dark);
}

TEST_CASE("an optimizer that is chosen when the program runs makes the steps of the one that it is") {
  const auto chosen = [](lab::OptimizerKind kind) { return after_steps(lab::AnyOptimizer{kind, 0.05}); };
  CHECK(chosen(lab::OptimizerKind::sgd) == after_steps(ll::optimizer::Sgd{.learning_rate = 0.05}));
  CHECK(chosen(lab::OptimizerKind::momentum) == after_steps(ll::optimizer::Momentum{.learning_rate = 0.05}));
  CHECK(chosen(lab::OptimizerKind::adam) == after_steps(ll::optimizer::Adam{.learning_rate = 0.05}));
}

TEST_CASE("a described perceptron is the one of --hidden, to the bit") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words methods{"--methods", "finetune,ewc,mas,rwalk,kfac,er,der++,gem,lwf,gdumb,icarl,joint", "--passes",
                      "gdumb=2"};
  Words hidden = methods, described = methods;
  hidden.insert(hidden.end(), {"--hidden", "16,12"});
  described.insert(described.end(),
                   {"--network", network(folder, R"({"layers": [{"linear": 16}, "relu", {"linear": 12}, "relu"]})")});
  const Json expected = results_of(folder, hidden), actual = results_of(folder, described);
  CHECK(expected["model"] == "mlp 64-16-12-4, ReLU, float");
  CHECK(actual["model"] ==
        "network of 64: Linear(in 64, out 16), ReLU(), Linear(in 16, out 12), ReLU(), Linear(in 12, "
        "out 4); float");
  REQUIRE(actual["runs"].size() == 12);
  for (std::size_t r = 0; r < actual["runs"].size(); ++r) {
    Json run = actual["runs"][r], of_hidden = expected["runs"][r];
    for (Json* one : {&run, &of_hidden}) one->erase("settings");
    CHECK(run == of_hidden);
  }
}

TEST_CASE("convolutions, recurrent layers and blocks of a transformer learn, with every kind of method") {
  const Folder folder;
  test::write_data(folder / "data");
  const char* networks[] = {
      R"({"input": [1, 8, 8], "layers": [{"conv2d": 8, "kernel": 3, "padding": 1}, {"group_norm": 2}, "gelu",
          {"max_pool": 2}, {"conv2d": 8, "kernel": [3, 3], "stride": 1}, "relu", {"dropout": 0.1}, "flatten"]})",
      R"({"input": [8, 8], "layers": [{"gru": 24}, "last_position"]})",
      R"({"input": [8, 8], "layers": [{"linear": 16}, "position_embedding", {"transformer_block": 4, "hidden": 32},
          "layer_norm", "mean_position"]})"};
  for (const char* json : networks) {
    const Json results =
        results_of(folder, {"--methods", "finetune,ewc,si,mas,scp,kfac,er,a-gem,lwf,packnet,icarl,joint", "--scenario",
                            "task", "--learning-rate", "0.01", "--epochs", "4", "--degrees", "2", "--strength", "scp=1",
                            "--network", network(folder, json)});
    for (const Json& run : results["runs"]) {
      INFO(results["model"].get<std::string>() << "\n" << run["method"] << " " << run["accuracy_matrix"].dump());
      CHECK(run["average_accuracy"] > 0.6);  // one of four classes
    }
  }
}

TEST_CASE("a network that cannot be meant is refused before anything is learned") {
  const Folder folder;
  test::write_data(folder / "data");
  check_refused(folder, "[]", "must be an object");
  check_refused(folder, R"({"layers": ["relu"],)", "is not JSON");
  check_refused(folder, R"({"layers": ["rellu"]})", R"(layer 0 of ')");
  check_refused(folder, R"({"layers": ["rellu"]})", R"({"transformer_block": HEADS})");
  check_refused(folder, R"({"layers": [{"linear": 0}]})", R"("linear" must be a whole number above 0, but is '0')");
  check_refused(folder, R"({"layers": [{"linear": 8, "bias": 0}]})", "has a member 'bias', but can only have linear");
  check_refused(folder, R"({"layers": [{"conv2d": 8}]})", R"("kernel" must be)");
  check_refused(folder, R"({"layers": [{"dropout": 1}]})", "a number from 0 to below 1");
  check_refused(folder, R"({"layers": ["batch_norm"]})", "mixes the samples of a batch");
  check_refused(folder, R"({"input": [1, 9, 8], "layers": []})", "72 values, but a sample has 64");
  check_refused(folder, R"({"input": [1, 8, 8], "layers": ["relu"]})", "must end in one row of features");
  check_refused(folder, R"({"layers": [{"linear": 8}, {"gru": 4}]})", "layer 1 of '");
  check_refused(folder, R"({"input": [8, 8], "layers": [{"transformer_block": 3, "hidden": 4}]})", "layer 0 of '");

  const std::string good = network(folder, R"({"layers": [{"linear": 8}, "relu"]})");
  const auto said = [&](const Words& words) {
    const test::Finished finished = test::run(folder, command(folder, words));
    CHECK(finished.code == 2);
    return finished.err;
  };
  CHECK_THAT(said({"--network", good, "--hidden", "8"}), test::ContainsSubstring("leave one of them out"));
  CHECK_THAT(said({"--network", good, "--methods", "hat", "--scenario", "task"}),
             test::ContainsSubstring("hat is made for the layers of --hidden"));
  CHECK_THAT(said({"--network", (folder / "none.json").string()}), test::ContainsSubstring("none.json"));
}

TEST_CASE("a run of another description is not taken up") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words words = command(folder, {"--methods", "ewc", "--epochs", "60", "--checkpoint-every", "0", "--network",
                                       network(folder, R"({"layers": [{"linear": 8}, "tanh"]})")});
  const test::fs::path partial = folder / "out/partial-ewc-1.safetensors";
  const test::Program program(folder, words);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!test::fs::exists(partial) && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.send(SIGINT);
  REQUIRE(program.wait().code == 130);
  network(folder, R"({"layers": [{"linear": 8}, "sigmoid"]})");
  const test::Finished finished = test::run(folder, words);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.err, test::ContainsSubstring("is of another run: not used, the run begins anew"));
}

TEST_CASE("a saved network is taken up by a learner with the same optimizer") {
  const Folder folder;
  test::write_data(folder / "data");
  check_taken_up(folder, "sgd", ll::optimizer::Sgd{.learning_rate = 0.01});
  check_taken_up(folder, "momentum", ll::optimizer::Momentum{.learning_rate = 0.01});
  check_taken_up(folder, "adam", ll::optimizer::Adam{.learning_rate = 0.01});
}

TEST_CASE("bytes of state are those that the optimizer needs") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto bytes = [&](const char* optimizer) {
    const Json run = results_of(folder, {"--methods", "finetune", "--optimizer", optimizer})["runs"][0];
    return run["state_bytes"].get<std::size_t>() / run["parameters"].get<std::size_t>();
  };
  CHECK(bytes("sgd") == 0);
  CHECK(bytes("momentum") == 4);
  CHECK(bytes("adam") == 8);
}

}  // namespace network_test
