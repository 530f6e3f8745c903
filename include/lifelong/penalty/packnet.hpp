// SPDX-License-Identifier: MIT
// PackNet: several tasks in one network, each with weights of its own.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/backend/loop.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/penalty/frozen.hpp>
#include <lifelong/penalty/owners.hpp>

namespace lifelong::penalty {

/// Every task owns some of the weights, for good. A task is learned with all that are free, on top of those that
/// earlier tasks own. Then `prune` gives a share of its weights back, the smallest of each layer; the rest learns on
/// without them; and `consolidate` makes it the task's own:
///
///     Learner learner{network, importance::Constant{}, penalty::PackNet{.pruned = 0.5}, optimizer::Adam{}};
///     learner.fit(task);
///     penalty::prune(learner);
///     learner.fit(task, {.epochs = 2, .optimizer_state = OptimizerState::reset});
///     learner.consolidate();
///     learner.copy_parameters(0, parameters);  // what task 0 uses, for ever
///
/// What is owned does not move by one bit, under any optimizer, momentum or weight decay (`Frozen`). What was pruned is
/// 0, rests until the task ends, and begins the next task at 0. For task k, `copy_parameters` gives its own weights,
/// those of the tasks before it, and 0 elsewhere; for the present one θ. A layer is a block of the model's layout of
/// two dimensions or more. All else, biases and normalisation, is never pruned, so it belongs to the first task, or to
/// the one in which it was grown, as in the paper with its setting for biases. After k tasks with a share p, p^k of a
/// layer is left; `equal_share` divides it evenly.
///
/// The importance has no say: take `Constant`, for which `consolidate` needs no data. Running statistics of batch
/// normalisation are not parameters: freeze those layers before the first `prune`, which refuses to work otherwise. The
/// optimizer's arrays are kept unless you reset them, and what it gathered for resting weights moves them when they are
/// free again. A weight whose input is always 0 never learns. Where it is large it survives as if it mattered; where it
/// is small it is pruned every time, and such weights collect in what is left for the last tasks. Leave constant inputs
/// out, or prune more than `equal_share` says. Mallya & Lazebnik 2018. 2 bytes per parameter.
struct PackNet {
  double pruned = 0.5;  ///< the share of a task's weights in each layer that `prune` gives back; 0 keeps all

  static constexpr auto arrays = Frozen<>::arrays;
  static constexpr std::size_t compact_arrays = Frozen<>::compact_arrays;
  static constexpr std::array<const char*, 1> numbers{"pruned_task"};  // the last one, counted from 1
  static constexpr Traffic traffic = Frozen<>::traffic;

  /// \throws InvalidArgument unless 0 <= pruned < 1.
  void validate() const { detail::require_within("PackNet.pruned", pruned, 0, 1); }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "PackNet(pruned " + detail::exact_text(pruned) + ")"; }

  template <class T>
  struct Kernel : Frozen<>::Kernel<T, None::Kernel> {
    /// What learns belongs to the task that ended; what rests learns in the next one.
    template <class V>
    LIFELONG_HOST_DEVICE V settle(std::size_t i, V theta, std::size_t task) const {
      const V of = load<V>(this->owner, i), free(T(0));
      store(this->owner, i, where_positive(of, of, where_positive(-of, free, V(static_cast<T>(task + 1)))));
      return where_positive(-of, free, theta);
    }
    /// θ_i if a task up to this one owns it, else 0.
    template <class V>
    LIFELONG_HOST_DEVICE V parameter(std::size_t i, V theta, std::size_t task) const {
      const V of = load<V>(this->owner, i), unused(T(0));
      const V later = where_positive(of - V(static_cast<T>(task + 1)), unused, theta);
      return where_positive(of, later, unused);
    }
  };

  template <class T, class Arrays>
  [[nodiscard]] Kernel<T> kernel(const Arrays& pointers) const {
    return {{{}, get<0>(pointers)}};
  }

  /// Called before task number `task` ends. \throws InvalidArgument if it was not pruned, because nothing would be left
  /// then for the tasks after it.
  void require_end(const std::array<double, 1>& kept, std::size_t task) const {
    if (kept[0] != static_cast<double>(task + 1))
      detail::raise<InvalidArgument>("consolidate: task " + std::to_string(task) +
                                     ", counted from 0, has not been pruned, and would own every weight that is left. "
                                     "Call penalty::prune before, with PackNet.pruned = 0 if it is the last task");
  }
};

/// The share to prune after task number `task`, from 0, of `tasks`, so that all get equally many weights: (T - 1 -
/// task) / (T - task), and 0 for the last. Weights that cannot learn, because their input is always 0, count too.
/// \throws InvalidArgument unless task < tasks.
inline double equal_share(std::size_t task, std::size_t tasks) {
  detail::require_index("equal_share: the list of tasks", task, tasks);
  return static_cast<double>(tasks - 1 - task) / static_cast<double>(tasks - task);
}

}  // namespace lifelong::penalty

namespace lifelong::detail {

/// Whether PackNet prunes it: weights, but neither biases nor normalisation.
inline bool is_prunable(const Block& block) {
  return block.shape.size() >= 2 && block.kind != BlockKind::normalization;
}

/// Lets the smallest of the weights that learn rest at 0: round(share n) of n, of equal ones those that come first, but
/// never the last one. Returns how many.
template <class T>
std::size_t prune_block(std::span<T> theta, std::span<std::int16_t> owners, double share) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < owners.size(); ++i)
    if (owners[i] == learning) places.push_back(i);
  if (places.empty()) return 0;
  const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(places.size())));
  const std::size_t count = wanted < places.size() ? wanted : places.size() - 1;
  const auto smaller = [&](std::size_t a, std::size_t b) {
    const T of_a = std::abs(theta[a]), of_b = std::abs(theta[b]);
    return of_a != of_b ? of_a < of_b : a < b;
  };
  std::nth_element(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(count), places.end(), smaller);
  for (std::size_t k = 0; k < count; ++k) {
    theta[places[k]] = 0;
    owners[places[k]] = resting;
  }
  return count;
}

/// \throws InvalidArgument if the model has running statistics that later tasks would move.
template <class Model>
void require_resting_statistics(const Model& model) {
  if constexpr (requires { model.buffer_layout(); }) {
    const Layout layout = model.layout(), buffers = model.buffer_layout();
    for (const Block& buffer : buffers.blocks()) {
      const std::string layer = buffer.name.substr(0, buffer.name.rfind('.'));
      for (const Block& block : layout.blocks())
        if (block.is_named(layer) && block.kind == BlockKind::normalization && !block.frozen)
          raise<InvalidArgument>("prune: " + buffer.name +
                                 " moves with every task, and the outputs of earlier tasks with it: freeze '" + layer +
                                 "' first");
    }
  }
}

}  // namespace lifelong::detail

namespace lifelong::penalty {

/// Prunes the present task of a learner with `PackNet`: in each layer the share `pruned` of the weights that learn, the
/// smallest in magnitude (of n, n · pruned rounded to the nearest, but never all), is set to 0 and rests until the task
/// ends. Of equal weights those that come first go. Blocks that the model has frozen become the task's own. May be
/// called again, to prune further. Returns how many weights were pruned.
///
/// The model is a `NamedModel`. The weights are copied to the host and back; O(parameters). \throws InvalidArgument for
/// a share outside [0, 1), if no parameter is left that could learn, if 255 tasks have ended, or for running statistics
/// that are not frozen. Then nothing has changed.
template <class Learner>
std::size_t prune(Learner& learner) {
  using T = typename Learner::value_type;
  static_assert(NamedModel<const std::remove_reference_t<decltype(learner.model())>>,
                "NamedModel: PackNet prunes layer by layer and needs the model's layout()");
  const PackNet& settings = learner.penalty_policy();
  settings.validate();
  const std::size_t task = learner.tasks();
  const std::int16_t owner = detail::owner_of_task("prune", task);
  detail::require_resting_statistics(std::as_const(learner.model()));

  const Layout layout = std::as_const(learner.model()).layout();
  std::vector<std::int16_t> owners = detail::owners_of(learner);
  std::vector<T> theta(owners.size());
  detail::copy_out(learner.backend(), static_cast<const T*>(learner.parameters().data()), std::span<T>(theta),
                   "the parameters");
  std::size_t pruned = 0, left = 0;
  for (const Block& block : layout.blocks()) {
    const std::span<std::int16_t> of_block(owners.data() + block.offset, block.size);
    if (block.frozen)
      std::ranges::replace(of_block, detail::learning, owner);
    else if (detail::is_prunable(block))
      pruned += detail::prune_block(std::span<T>(theta.data() + block.offset, block.size), of_block, settings.pruned);
    left += static_cast<std::size_t>(std::ranges::count(of_block, detail::learning));
  }
  if (left == 0)
    detail::raise<InvalidArgument>("prune: task " + std::to_string(task) +
                                   ", counted from 0, has no parameter of its own: earlier tasks own all " +
                                   std::to_string(owners.size()));
  detail::copy_in(learner.backend(), std::span<const T>(theta), learner.parameters().data(), "the parameters");
  detail::set_owners(learner, owners);
  learner.state().penalty.numbers()[0] = static_cast<double>(task + 1);
  return pruned;
}

/// What is left of the capacity of a learner with `PackNet`: the share of the weights of all layers that no task owns
/// yet, from 1 down to 0. While a task is learned that includes its own. Copies the owners to the host.
template <class Learner>
[[nodiscard]] double free_share(Learner& learner) {
  const std::vector<std::int16_t> owners = detail::owners_of(learner);
  const Layout layout = std::as_const(learner.model()).layout();
  std::size_t weights = 0, owned = 0;
  for (const Block& block : layout.blocks()) {
    if (!detail::is_prunable(block)) continue;
    weights += block.size;
    for (std::size_t i = 0; i < block.size; ++i) owned += std::size_t{owners[block.offset + i] > 0};
  }
  return weights == 0 ? 0 : 1 - static_cast<double>(owned) / static_cast<double>(weights);
}

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
