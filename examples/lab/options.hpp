// SPDX-License-Identifier: MIT
// What `lifelong-lab run` is asked to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lifelong/learner.hpp>
#include <lifelong/stream/task.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lab {

enum class StreamKind { rotated, permuted, split };
enum class OptimizerKind { sgd, momentum, adam };
enum class Machine { cpu, cuda };

/// A study of strengths: every method with each of them.
struct Sweep {
  std::vector<double> strengths;
  std::size_t first;  ///< the number of tasks, from the beginning of the stream, that they are chosen on
};

struct Options {
  std::string command;  ///< as typed, quoted for a shell
  std::string dataset;
  StreamKind stream;
  std::optional<double> degrees;  ///< from one rotated task to the next; if not said, they are drawn from 0 to 180
  lifelong::Scenario scenario;
  std::size_t tasks;
  std::vector<std::size_t> hidden;
  std::vector<std::string> methods;
  std::size_t epochs;
  std::size_t batch_size;
  OptimizerKind optimizer;
  double learning_rate;
  double final_rate;                                              ///< share of it at the end of a task
  std::map<std::string, std::map<std::string, double>> settings;  ///< by method and name, where it is not the default
  std::size_t memory;                                             ///< stored examples in all
  std::optional<std::size_t> memory_batch;  ///< of them in each step; the method's own number if not said
  std::vector<std::uint64_t> seeds;
  std::optional<std::size_t> train_samples;  ///< per task; all if not said
  int threads;
  Machine machine;
  lifelong::OptimizerState optimizer_state;
  bool test_epochs;            ///< the tasks seen are tested after every epoch, not only after every task
  std::optional<Sweep> sweep;  ///< of `lifelong-lab sweep`
  std::filesystem::path output;
  bool overwrite;  ///< the results of another command, if they are there
};

/// The words of the command line.
std::string name_of(StreamKind stream);
std::string name_of(OptimizerKind optimizer);
std::string name_of(lifelong::Scenario scenario);
std::string name_of(lifelong::OptimizerState state);
std::string name_of(Machine machine);

/// The rate used if none is given: the library's default for the optimizer.
double default_learning_rate(OptimizerKind optimizer);

}  // namespace lab
