// SPDX-License-Identifier: MIT
// Networks whose units have gates: every task opens some of them, and what is open for a task is its own.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/nn/layer/hard_attention.hpp>
#include <lifelong/nn/layer/heads.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/network.hpp>

namespace lifelong::nn {

/// A network with gates (`HardAttention`), which learns task after task: hard attention to the task, Serra et al. 2018.
/// It trains the gates of the present task, the number of tasks that have ended (`end_task` in nn/hat_tasks.hpp), and
/// shows those of the task that `select` has chosen. The loss that `gradient` returns and differentiates has the
/// paper's price for units that no ended task has open,
///
///     ℓ + c Σ_i a_i (1 - A_i) / Σ_i (1 - A_i),   A_i = 1 if an ended task has unit i open, else 0,
///
/// over the units of all gates. The embeddings of other tasks have the gradient 0, and one that has come to |e| >= 6
/// none that would move it further. The gradient is not that of ℓ: see `HardAttention`. All that runs in evaluation
/// uses the bits of a gate, so what is measured is what is kept.
///
/// Parameters belong to `Linear` and `Heads` layers and to gates; a network with others is refused. The rest is as in
/// `Network`. Gates take tasks · units parameters, and a step reads all of them.
template <class T, class Layers, class Loss = SoftmaxCrossEntropy, class Backend = backend::Serial>
class HatNetwork : public Network<T, Layers, Loss, Backend> {
  using Base = Network<T, Layers, Loss, Backend>;
  using Parts = NetworkParts<T, Layers, Loss, Backend>;

 public:
  /// c = `sparsity`. \throws what `Network` throws; InvalidArgument for c < 0, a network without gates, gates for
  /// unequally many tasks or of unequal slope, or parameters of other layers.
  explicit HatNetwork(Layers layers, double sparsity = 0.75, std::uint64_t seed = 0, Backend backend = {},
                      Loss loss = {})
      : Base(std::move(layers), seed, std::move(backend), std::move(loss)), sparsity_(sparsity) {
    lifelong::detail::require_at_least("HatNetwork: the sparsity", sparsity, 0);
    find_gates();
  }

  /// The number of tasks for which there are gates, and of those that have ended.
  [[nodiscard]] std::size_t tasks() const { return gates_.front().layer.tasks; }
  [[nodiscard]] std::size_t tasks_ended() const {
    const T ended = gate_buffer(HardAttention::learned);
    return ended >= 0 && ended <= static_cast<T>(tasks()) ? static_cast<std::size_t>(ended) : tasks();
  }

  /// Chooses whose gates are used in evaluation; training is always that of the present task. At first and when a task
  /// has ended that is the present one, if there is one, else the last. \throws InvalidArgument unless the task has
  /// ended or is the present one.
  void select(std::size_t task) {
    if (task > tasks_ended() || task >= tasks())
      lifelong::detail::raise<InvalidArgument>("select: task " + std::to_string(task) + ", counted from 0, of " +
                                               std::to_string(tasks()) +
                                               " has not begun: " + std::to_string(tasks_ended()) + " have ended");
    set_gate_buffers(HardAttention::shown, static_cast<T>(task));
  }
  void select_present() { select(std::min(tasks_ended(), tasks() - 1)); }

  /// The units that are free, as a share of the units of each gate, from the first to the last: no task that has ended
  /// has them open.
  [[nodiscard]] std::vector<double> free_shares() const {
    std::vector<double> shares;
    for (const Gate& gate : gates_)
      shares.push_back(static_cast<double>(free_units(gate)) / static_cast<double>(gate.layer.units));
    return shares;
  }
  /// Which units of gate `g`, counted from 0, are open for a task. \throws InvalidArgument if there is no such gate or
  /// task.
  [[nodiscard]] std::vector<bool> open_units(std::size_t task, std::size_t g) const {
    lifelong::detail::require_index("open_units: the list of tasks", task, tasks());
    lifelong::detail::require_index("open_units: the list of gates", g, gates_.size());
    std::vector<bool> open;
    for (std::size_t i = 0; i < gates_[g].layer.units; ++i) open.push_back(is_open(gates_[g], task, i));
    return open;
  }

  /// Says how far the slope has climbed: step `step`, from 0, of `steps`, the last of which has the largest slope.
  /// Until the next call all steps have this slope. At first it is the largest. See `Annealing`.
  void anneal(std::size_t step, std::size_t steps) {
    const double most = gates_.front().layer.max_slope, least = 1 / most;
    const double share = steps < 2 || step >= steps ? 1 : static_cast<double>(step) / static_cast<double>(steps - 1);
    set_gate_buffers(HardAttention::slope, static_cast<T>(least + (most - least) * share));
    anneal_step_ = step;
  }
  [[nodiscard]] std::size_t anneal_step() const { return static_cast<std::size_t>(anneal_step_); }
  /// The slope of training, from 1 / s_max to s_max: 1/s_max + (s_max - 1/s_max) step / (steps - 1).
  [[nodiscard]] T slope() const { return gate_buffer(HardAttention::slope); }

  /// See `Network::gradient`, and above. \throws InvalidArgument if all tasks have ended, or the present one finds no
  /// unit that is free.
  double gradient(const Batch<T>& batch, std::span<T> out) {
    require_capacity();
    const double loss = Base::gradient(batch, out);
    if (!lifelong::detail::is_finite(loss)) return loss;
    note_outputs(batch);
    return loss + price(out);
  }

  template <class Number>
  void visit_state(const Number& number) {
    Base::visit_state(number);
    number("anneal_step", anneal_step_);
    number("first_output", first_output_);
    number("end_output", end_output_);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return Base::recipe() + ", sparsity " + lifelong::detail::exact_text(sparsity_);
  }

  /// One byte for each parameter, not 0 if the present task's function in evaluation depends on it: weights between
  /// units that are open for it, or an input or one of its outputs, their biases, and its embeddings. Its outputs are
  /// those between the first and the last that were active in its training, or all if there was none. \throws
  /// InvalidArgument if a gate is closed for all units, or all tasks have ended.
  [[nodiscard]] std::vector<std::uint8_t> claims() const {
    require_present();
    std::vector<std::uint8_t> mask(this->parameters().size(), 0);
    const std::vector<Stage> stages = stages_of_present();
    for (std::size_t s = 1; s < stages.size(); ++s) claim(stages[s], stages[s - 1].open, mask);
    for (const Gate& gate : gates_)
      std::fill_n(mask.begin() + static_cast<std::ptrdiff_t>(gate.row(tasks_ended())), gate.layer.units,
                  std::uint8_t{1});
    return mask;
  }

  /// Makes the next task the present one. What the ended one has claimed must not move any more: `nn::end_task` sees to
  /// both. \throws InvalidArgument if all tasks have ended.
  void close_task() {
    require_present();
    set_gate_buffers(HardAttention::learned, static_cast<T>(tasks_ended() + 1));
    first_output_ = end_output_ = 0;
    anneal(0, 0);
    select_present();
  }

 private:
  /// One of the layers of gates, and where its parameters and buffers begin.
  struct Gate {
    HardAttention layer;
    std::size_t offset, buffer;

    [[nodiscard]] std::size_t row(std::size_t task) const { return offset + task * layer.units; }
  };
  /// The inputs or a layer with weights: where these are, and what of the outputs is open for the present task.
  struct Stage {
    std::vector<const Block*> weights, biases;  ///< of each head; a `Linear` has one, the inputs have none
    std::vector<std::uint8_t> open;
  };

  [[nodiscard]] static const Block* block_named(const Layout& layout, const std::string& name) {
    for (const Block& block : layout.blocks())
      if (block.name == name) return &block;
    return nullptr;
  }

  void find_gates() {
    detail::for_each_layer(this->layers(), [&]<class L>(std::size_t l, const L& layer) {
      const std::string number = std::to_string(l), name = "layer " + number + " of the HatNetwork";
      if constexpr (std::same_as<L, HardAttention>) {
        if (!gates_.empty() && (tasks() != layer.tasks || gates_.front().layer.max_slope != layer.max_slope))
          lifelong::detail::raise<InvalidArgument>(
              name + " has gates for " + std::to_string(layer.tasks) + " tasks and the slope " +
              lifelong::detail::exact_text(layer.max_slope) + ", which are not those of the gates before it");
        gates_.push_back({layer, block_named(this->layout(), number + ".embedding")->offset,
                          block_named(this->buffer_layout(), number + ".attention")->offset});
      } else if constexpr (!std::same_as<L, Linear> && !std::same_as<L, Heads>) {
        Layout own;
        layer.declare(own, "");
        if (own.size() > 0)
          lifelong::detail::raise<InvalidArgument>(name + ", " + detail::recipe_of(layer, "one of your own") +
                                                   ", has parameters, and gates know those of Linear and Heads only");
      }
    });
    if (gates_.empty()) lifelong::detail::raise<InvalidArgument>("a HatNetwork needs at least one layer HardAttention");
  }

  /// What all gates have in one of their buffers.
  [[nodiscard]] T gate_buffer(HardAttention::Buffer which) const {
    return this->buffers()[gates_.front().buffer + which];
  }
  void set_gate_buffers(HardAttention::Buffer which, T number) {
    for (const Gate& gate : gates_) this->buffers()[gate.buffer + which] = number;
  }

  [[nodiscard]] bool is_open(const Gate& gate, std::size_t task, std::size_t i) const {
    return this->parameters()[gate.row(task) + i] > 0;
  }
  [[nodiscard]] bool is_free(const Gate& gate, std::size_t i, std::size_t ended) const {
    for (std::size_t task = 0; task < ended; ++task)
      if (is_open(gate, task, i)) return false;
    return true;
  }
  [[nodiscard]] std::size_t free_units(const Gate& gate) const {
    const std::size_t ended = tasks_ended();
    std::size_t units = 0;
    for (std::size_t i = 0; i < gate.layer.units; ++i) units += std::size_t{is_free(gate, i, ended)};
    return units;
  }
  [[nodiscard]] std::size_t free_units() const {
    std::size_t units = 0;
    for (const Gate& gate : gates_) units += free_units(gate);
    return units;
  }

  void require_present() const {
    if (tasks_ended() >= tasks())
      lifelong::detail::raise<InvalidArgument>("the HatNetwork has gates for " + std::to_string(tasks()) +
                                               " tasks, and all have ended");
  }
  void require_capacity() const {
    require_present();
    if (free_units() == 0)
      lifelong::detail::raise<InvalidArgument>("the HatNetwork has no capacity for task " +
                                               std::to_string(tasks_ended()) +
                                               ", counted from 0: no unit is free, because each is open for a task "
                                               "that has ended. Make it wider, or raise its sparsity");
  }

  void note_outputs(const Batch<T>& batch) {
    for (std::size_t n = 0; n < batch.size; ++n) {
      const SampleContext<T> sample = batch.context(n, this->outputs());
      if (sample.weight == 0) continue;
      const std::uint32_t end = sample.active.first + sample.active.count;
      first_output_ = end_output_ == 0 ? sample.active.first : std::min(first_output_, sample.active.first);
      end_output_ = std::max(end_output_, end);
    }
  }

  /// Returns c Σ a (1 - A) / Σ (1 - A), adds its gradient, and takes away what would move an embedding beyond its
  /// bound.
  double price(std::span<T> out) const {
    constexpr T bound = 6;
    const double each = sparsity_ / static_cast<double>(free_units());
    const std::size_t present = tasks_ended();
    double total = 0;
    for (const Gate& gate : gates_)
      for (std::size_t i = 0; i < gate.layer.units; ++i) {
        const T parameter = this->parameters()[gate.row(present) + i], e = gate.layer.embedding(parameter);
        T& g = out[gate.row(present) + i];
        if (is_free(gate, i, present)) {
          total += static_cast<double>(gate.layer.gate(slope(), parameter));
          g += static_cast<T>(each) * gate.layer.compensated_slope(parameter);
        }
        if ((e >= bound && g < 0) || (e <= -bound && g > 0)) g = 0;
      }
    this->Parts::clear_frozen(out);
    return each * total;
  }

  /// The inputs and the layers with weights, from the first to the last.
  [[nodiscard]] std::vector<Stage> stages_of_present() const {
    std::vector<Stage> stages{{{}, {}, all_open(this->inputs())}};
    std::size_t number = 0;  // of the gate
    detail::for_each_layer(this->layers(), [&]<class L>(std::size_t l, const L& layer) {
      const std::string name = std::to_string(l);
      if constexpr (std::same_as<L, Linear>) {
        stages.push_back({{block_named(this->layout(), name + ".weight")},
                          {block_named(this->layout(), name + ".bias")},
                          all_open(layer.out)});
      } else if constexpr (std::same_as<L, Heads>) {
        Stage stage;
        for (std::size_t h = 0; h < layer.widths.size(); ++h) {
          stage.weights.push_back(block_named(this->layout(), name + "." + std::to_string(h) + ".weight"));
          stage.biases.push_back(block_named(this->layout(), name + "." + std::to_string(h) + ".bias"));
        }
        stage.open = all_open(this->outputs());
        stages.push_back(std::move(stage));
      } else if constexpr (std::same_as<L, HardAttention>) {
        const Gate& gate = gates_[number++];
        std::size_t open = 0;
        for (std::size_t i = 0; i < layer.units; ++i) {
          const bool mine = is_open(gate, tasks_ended(), i);
          open += std::size_t{mine};
          if (!mine) stages.back().open[i] = 0;
        }
        if (open == 0)
          lifelong::detail::raise<InvalidArgument>("layer " + name + " of the HatNetwork has no open unit for task " +
                                                   std::to_string(tasks_ended()) +
                                                   ", counted from 0, whose outputs are thus constant: lower the "
                                                   "sparsity, or train longer");
      }
    });
    if (end_output_ > 0)
      for (std::size_t c = 0; c < stages.back().open.size(); ++c)
        if (c < first_output_ || c >= end_output_) stages.back().open[c] = 0;
    return stages;
  }
  static std::vector<std::uint8_t> all_open(std::size_t units) { return std::vector<std::uint8_t>(units, 1); }

  /// Marks the weights of a stage that are open at both ends, and the biases that are.
  static void claim(const Stage& stage, const std::vector<std::uint8_t>& below, std::vector<std::uint8_t>& mask) {
    std::size_t first = 0;  // output of the head
    for (std::size_t h = 0; h < stage.weights.size(); ++h) {
      const std::size_t width = stage.biases[h]->size;
      for (std::size_t c = 0; c < width; ++c) {
        if (stage.open[first + c] == 0) continue;
        mask[stage.biases[h]->offset + c] = 1;
        std::ranges::copy(below,
                          mask.begin() + static_cast<std::ptrdiff_t>(stage.weights[h]->offset + c * below.size()));
      }
      first += width;
    }
  }

  double sparsity_;
  std::vector<Gate> gates_;
  std::uint64_t anneal_step_ = 0;
  std::uint32_t first_output_ = 0, end_output_ = 0;  // that were active in the present task; none if the end is 0
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
