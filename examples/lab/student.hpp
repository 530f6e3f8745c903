// SPDX-License-Identifier: MIT
// Whatever a method learns with.
#pragma once

#include <cstddef>
#include <lifelong/evaluation/metric.hpp>
#include <lifelong/io/safetensors.hpp>
#include <string>
#include <vector>

namespace lab {

/// The steps of a task from one moment to another.
struct Steps {
  std::size_t from, until;
};

/// What is measured on test examples.
enum class Measure { accuracy, calibration_error };

/// What students differ in.
struct Abilities {
  bool in_steps = false;       ///< it learns in steps, between which it can be saved
  bool saved_inside = false;   ///< also when it was interrupted inside a call of `learn`
  bool tested_inside = false;  ///< it can be tested before a task has ended
  bool probabilities = false;  ///< its outputs have a softmax
};

/// It learns the tasks of a trial, one after the other, and tells the trial's progress of every step. It is no
/// template, so that a session is compiled once for all methods.
class Student {
 public:
  Student() = default;
  Student(const Student&) = delete;
  Student& operator=(const Student&) = delete;
  virtual ~Student() = default;

  [[nodiscard]] virtual Abilities abilities() const = 0;

  /// Learns from a task in these of its steps, or as many of them as are left if it was interrupted; a student that
  /// does not learn in steps is asked once, for all.
  virtual void learn(std::size_t task, Steps steps) = 0;
  /// It is told that another task will follow.
  virtual void end_task(std::size_t task) = 0;
  /// On the test examples of any task.
  [[nodiscard]] virtual double measure(std::size_t task, Measure what) = 0;

  [[nodiscard]] virtual std::size_t parameters() const = 0;
  /// Bytes kept beside the parameters, and those of stored examples, which are counted apart.
  [[nodiscard]] virtual std::size_t state_bytes() = 0;
  [[nodiscard]] virtual std::size_t memory_bytes() = 0;

  /// All that it knows, to go on from. Only for one that learns in steps.
  [[nodiscard]] virtual lifelong::io::Safetensors saved() { return lifelong::io::Safetensors(); }
  /// The same for others to read, when all is learned.
  [[nodiscard]] virtual lifelong::io::Safetensors finished() { return saved(); }
  /// Takes it up again. \throws as `lifelong::io::restore`.
  virtual void restore(const lifelong::io::Safetensors&, const std::vector<std::string>& /*may_differ*/) {}
};

/// Calls `use(metric)` with the library's metric.
template <class Use>
double with_metric(Measure what, const Use& use) {
  switch (what) {
    case Measure::accuracy:
      return use(lifelong::metric::Accuracy{});
    case Measure::calibration_error:
      break;
  }
  return use(lifelong::metric::CalibrationError{});
}

}  // namespace lab
