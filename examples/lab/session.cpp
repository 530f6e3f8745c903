// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <algorithm>
#include <lifelong/io/safetensors.hpp>
#include <numeric>

#include "results.hpp"

namespace lab {

nlohmann::ordered_json SessionState::to_json() const {
  return {{"task", task_}, {"learned", learned_}, {"tested", tested_}, {"outcome", lab::to_json(outcome_)}};
}

void SessionState::continue_from(const nlohmann::ordered_json& session) {
  session.at("task").get_to(task_);
  session.at("learned").get_to(learned_);
  session.at("tested").get_to(tested_);
  outcome_ = outcome_from_json(session.at("outcome"));
}

bool SessionState::is_test_point(std::size_t step, std::size_t steps_of_epoch) const {
  const TestAfter& after = trial_.options.test_after;
  return after.kind != TestAfter::task && step % (after.kind == TestAfter::epoch ? steps_of_epoch : after.count) == 0;
}

std::size_t SessionState::next_pause(std::size_t steps_of_epoch) const {
  const TestAfter& after = trial_.options.test_after;
  const std::size_t end_of_epoch = (learned_ / steps_of_epoch + 1) * steps_of_epoch;
  if (after.kind != TestAfter::steps) return end_of_epoch;
  return std::min(end_of_epoch, (learned_ / after.count + 1) * after.count);
}

void SessionState::add_moment(std::vector<double> accuracies, std::size_t seen, std::size_t steps_of_epoch) {
  const double epoch = static_cast<double>(learned_) / static_cast<double>(steps_of_epoch);
  outcome_.curve.push_back(
      {task_, epoch, {accuracies.begin(), accuracies.begin() + static_cast<std::ptrdiff_t>(seen)}});
  if (learned_ < steps_of_epoch * trial_.options.epochs) return;
  outcome_.accuracy_matrix.push_back(std::move(accuracies));
  trial_.progress.end_task(outcome_.curve.back().mean());
}

void SessionState::begin_next_task() {
  trial_.progress.consolidated();
  ++task_;
  learned_ = tested_ = 0;
  announced_ = false;
}

std::map<std::string, double> mean_importances(const lifelong::io::Safetensors& saved) {
  const std::string prefix = "penalty.importance.";
  std::map<std::string, double> means;
  for (const auto& [name, tensor] : saved.tensors()) {
    if (!name.starts_with(prefix)) continue;
    const std::vector<float> values = saved.values<float>(name);
    means[name.substr(prefix.size())] =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  const bool any = std::ranges::any_of(means, [](const auto& mean) { return mean.second != 0; });
  return any ? means : std::map<std::string, double>{};
}

}  // namespace lab
