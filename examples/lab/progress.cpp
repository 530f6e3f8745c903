// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text.hpp"

namespace lab {

namespace {

using Lock = std::lock_guard<std::mutex>;

}  // namespace

Progress::Progress(std::size_t runs, std::size_t learning_samples, std::size_t testing_samples)
    : runs_(runs), samples_{learning_samples, testing_samples} {
  for (const TimeLeft::Kind kind : {TimeLeft::learning, TimeLeft::testing})
    time_left_.plan(kind, runs * samples_[kind]);
}

RunProgress::RunProgress(Progress& all, std::string method, std::uint64_t seed)
    : all_(all), left_{all.samples_[0], all.samples_[1]}, method_(std::move(method)), seed_(seed) {}

RunProgress::~RunProgress() {
  const Lock lock(all_.mutex_);
  for (const TimeLeft::Kind kind : {TimeLeft::learning, TimeLeft::testing}) all_.time_left_.skip(kind, left_[kind]);
}

void RunProgress::resume(const std::string& task) {
  print(fmt::format("{}, seed {}: resumed in {}", method_, seed_, task));
}

void RunProgress::skip(std::size_t samples) {
  const Lock lock(all_.mutex_);
  samples = std::min(samples, left_[TimeLeft::learning]);
  left_[TimeLeft::learning] -= samples;
  all_.time_left_.skip(TimeLeft::learning, samples);
}

void RunProgress::start_task(const std::string& task) {
  if (const Lock lock(all_.mutex_); number_ == 0) number_ = ++all_.begun_;
  task_ = task;
  at_ = {};
  epoch_loss_ = 0;
  epoch_steps_ = 0;
}

void RunProgress::stepped(const lifelong::FitProgress& at, std::size_t samples) {
  if (at.epoch != at_.epoch) {
    epoch_loss_ = 0;
    epoch_steps_ = 0;
  }
  at_ = at;
  epoch_loss_ += at.loss;
  ++epoch_steps_;
  work(TimeLeft::learning, samples);
}

void RunProgress::learned(std::size_t samples) { work(TimeLeft::learning, samples); }
void RunProgress::consolidated() { work(TimeLeft::learning, 0); }
void RunProgress::tested(std::size_t samples) { work(TimeLeft::testing, samples); }

void RunProgress::end_task(double accuracy) {
  accuracy_ = accuracy;
  if (all_.line_.on_terminal()) return;
  const std::string loss =
      epoch_steps_ == 0 ? "" : fmt::format("loss {:.3f}, ", epoch_loss_ / static_cast<double>(epoch_steps_));
  print(
      fmt::format("{}, seed {}, {}: {}accuracy {:.1f} %{}", method_, seed_, task_, loss, 100 * accuracy, time_left()));
}

void RunProgress::end_run(double average_accuracy, double seconds) {
  print(fmt::format("{}, seed {}: average accuracy {:.1f} % after {}", method_, seed_, 100 * average_accuracy,
                    duration(seconds)));
}

void RunProgress::work(TimeLeft::Kind kind, std::size_t samples) {
  const Lock lock(all_.mutex_);
  all_.time_left_.done(kind, samples);
  left_[kind] -= std::min(samples, left_[kind]);
  show();
}

void RunProgress::print(const std::string& line) {
  const Lock lock(all_.mutex_);
  all_.line_.print(line);
}

std::string RunProgress::time_left() const {
  const std::optional<double> seconds = all_.time_left_.seconds();
  return seconds ? fmt::format(", {} left", duration(*seconds)) : "";
}

void RunProgress::show() {
  if (epoch_steps_ == 0 || !all_.line_.due()) return;
  std::string line =
      fmt::format("[{}/{}] {}, seed {}: {}, epoch {}/{}, loss {:.3f}", number_, all_.runs_, method_, seed_, task_,
                  at_.epoch + 1, at_.epochs, epoch_loss_ / static_cast<double>(epoch_steps_));
  if (accuracy_) line += fmt::format(", accuracy {:.1f} %", 100 * *accuracy_);
  all_.line_.show(line + time_left());
}

}  // namespace lab
