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

#include "network_file.hpp"

namespace lab {

enum class StreamKind { rotated, permuted, split, noisy, label_shift, sets };
enum class OptimizerKind { sgd, momentum, adam };
enum class Machine { cpu, cuda };

/// A study of strengths: every method with several of them, and with 0.
struct Sweep {
  double from, to;
  std::size_t values;
  bool bisect;        ///< they are not a grid, but close in on the largest with which new tasks are learned
  double drop;        ///< by how many points new tasks may be learned worse then
  std::size_t first;  ///< the number of tasks, from the beginning of the stream, that they are chosen on
};

/// When the tasks seen so far are tested, beside the end of every task.
struct TestAfter {
  enum Kind { task, epoch, steps } kind;
  std::size_t count = 0;  ///< of steps
};

struct Options {
  std::string command;  ///< as typed, quoted for a shell
  std::string dataset;
  StreamKind stream;
  std::optional<double> degrees;  ///< from one rotated task to the next; if not said, they are drawn from 0 to 180
  double noise;                   ///< standard deviation of the last noisy task, where white is 1
  double shift;  ///< of labels: examples of a class are kept with probability u^shift, u drawn for each task and class
  double blur;   ///< share of a task's training examples that change places with the next task's
  std::optional<std::vector<std::size_t>> order;  ///< of the tasks, from 0
  bool random_order;                              ///< drawn for each seed
  lifelong::Scenario scenario;
  std::size_t tasks;
  std::vector<std::size_t> hidden;     ///< widths, where no other network is described
  std::optional<NetworkFile> network;  ///< what --network describes
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
  std::size_t jobs;  ///< runs that are made at the same time, with these threads between them
  Machine machine;
  lifelong::OptimizerState optimizer_state;
  TestAfter test_after;
  double checkpoint_seconds;   ///< between two checkpoints of a run
  std::optional<Sweep> sweep;  ///< of `lifelong-lab sweep`
  std::filesystem::path output;
  bool event_files;    ///< for TensorBoard
  bool save_students;  ///< with their importances and memories, at the end of a run
  bool overwrite;      ///< the results of another command, if they are there

  [[nodiscard]] std::size_t steps_of_epoch(std::size_t examples) const {
    return (examples + batch_size - 1) / batch_size;
  }
};

/// The words of the command line.
std::string name_of(StreamKind stream);
std::string name_of(OptimizerKind optimizer);
std::string name_of(lifelong::Scenario scenario);
std::string name_of(lifelong::OptimizerState state);
std::string name_of(Machine machine);
/// \throws lifelong::InvalidArgument if `text` is no value of --device.
Machine machine_called(const std::string& text);

/// The rate used if none is given: the library's default for the optimizer.
double default_learning_rate(OptimizerKind optimizer);

}  // namespace lab
