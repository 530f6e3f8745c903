// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <fmt/format.h>

#include "text.hpp"

namespace lab {

Progress::Progress(std::size_t runs, std::size_t learning_samples, std::size_t testing_samples)
    : runs_(runs), learning_samples_(learning_samples), testing_samples_(testing_samples) {}

void Progress::start_run(const std::string& method, std::uint64_t seed) {
  time_left_.plan(TimeLeft::learning, (runs_ - run_) * learning_samples_);
  time_left_.plan(TimeLeft::testing, (runs_ - run_) * testing_samples_);
  ++run_;
  method_ = method;
  seed_ = seed;
  accuracy_.reset();
  start_task("");
}

void Progress::start_task(const std::string& task) {
  task_ = task;
  at_ = {};
  epoch_loss_ = 0;
  epoch_steps_ = 0;
}

void Progress::stepped(const lifelong::FitProgress& at, std::size_t samples) {
  time_left_.done(TimeLeft::learning, samples);
  if (at.epoch != at_.epoch) {
    epoch_loss_ = 0;
    epoch_steps_ = 0;
  }
  at_ = at;
  epoch_loss_ += at.loss;
  ++epoch_steps_;
  show();
}

void Progress::learned(std::size_t samples) {
  time_left_.done(TimeLeft::learning, samples);
  show();
}

void Progress::consolidated() {
  time_left_.done(TimeLeft::learning, 0);
  show();
}

void Progress::tested(std::size_t samples) {
  time_left_.done(TimeLeft::testing, samples);
  show();
}

void Progress::end_task(double accuracy) {
  accuracy_ = accuracy;
  if (line_.on_terminal()) return;
  const std::string loss =
      epoch_steps_ == 0 ? "" : fmt::format("loss {:.3f}, ", epoch_loss_ / static_cast<double>(epoch_steps_));
  line_.print(
      fmt::format("{}, seed {}, {}: {}accuracy {:.1f} %{}", method_, seed_, task_, loss, 100 * accuracy, time_left()));
}

void Progress::end_run(double average_accuracy, double seconds) {
  line_.print(fmt::format("{}, seed {}: average accuracy {:.1f} % after {}", method_, seed_, 100 * average_accuracy,
                          duration(seconds)));
}

std::string Progress::time_left() const {
  const std::optional<double> seconds = time_left_.seconds();
  return seconds ? fmt::format(", {} left", duration(*seconds)) : "";
}

void Progress::show() {
  if (epoch_steps_ == 0 || !line_.due()) return;
  std::string line = fmt::format("[{}/{}] {}, seed {}: {}, epoch {}/{}, loss {:.3f}", run_, runs_, method_, seed_,
                                 task_, at_.epoch + 1, at_.epochs, epoch_loss_ / static_cast<double>(epoch_steps_));
  if (accuracy_) line += fmt::format(", accuracy {:.1f} %", 100 * *accuracy_);
  line_.show(line + time_left());
}

}  // namespace lab
