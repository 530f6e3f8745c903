// SPDX-License-Identifier: MIT
// A rehearsal that is chosen when the program runs, so that a learner is compiled once for all of them.
#pragma once

#include <cstddef>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "network_student.hpp"

namespace lab {

/// One of several rehearsals; it is what it holds, to the bit.
template <class... Kinds>
struct AnyRehearsal {
  std::variant<Kinds...> kind;

  /// The state of one of them, which is made when the first gradient is asked for.
  template <class Model>
  struct State {
    std::variant<std::monostate, typename Kinds::template State<Model>...> of;
    std::size_t parameters = 0;

    void resize(std::size_t count) {
      parameters = count;
      each([&](auto& state) { state.resize(count); });
    }
    [[nodiscard]] std::size_t bytes() const {
      std::size_t count = 0;
      const_cast<State&>(*this).each([&](const auto& state) { count = state.bytes(); });
      return count;
    }
    /// Of the stored examples alone.
    [[nodiscard]] std::size_t example_bytes() const {
      std::size_t count = 0;
      const_cast<State&>(*this).each([&](const auto& state) { count = lab::example_bytes(state); });
      return count;
    }
    /// \throws lifelong::FormatError for a kind that there is not.
    template <class Array, class Number>
    void visit(const Array& array, const Number& number) {
      std::size_t held = of.index();
      number("kind", held);
      if (held != of.index()) hold(held);
      each([&](auto& state) { state.visit(array, number); });
    }

    /// Calls `use` with what is held, if anything is.
    template <class Use>
    void each(const Use& use) {
      std::visit(
          [&](auto& state) {
            if constexpr (!std::is_same_v<decltype(state), std::monostate&>) use(state);
          },
          of);
    }

    /// Makes a state of this index.
    void hold(std::size_t index) {
      bool known = false;
      [&]<std::size_t... k>(std::index_sequence<k...>) {
        ((index == k ? (of.template emplace<k>(), known = true) : false), ...);
      }
      (std::make_index_sequence<sizeof...(Kinds) + 1>{});
      if (!known) throw lifelong::FormatError("there is no rehearsal of kind " + std::to_string(index));
      each([&](auto& state) { state.resize(parameters); });
    }
  };

  void validate() const {
    std::visit([](const auto& rehearsal) { rehearsal.validate(); }, kind);
  }
  [[nodiscard]] std::string recipe() const {
    return std::visit([](const auto& rehearsal) { return rehearsal.recipe(); }, kind);
  }

  template <class Model, class Backend, class B>
  double gradient(State<Model>& state, const Backend& backend, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    double loss = 0;
    with(state, [&](const auto& rehearsal, auto& own) { loss = rehearsal.gradient(own, backend, model, batch, out); });
    return loss;
  }
  template <class Model, class B>
  void keep(State<Model>& state, Model& model, const B& batch) const {
    with(state, [&](const auto& rehearsal, auto& own) {
      if constexpr (requires { rehearsal.keep(own, model, batch); }) rehearsal.keep(own, model, batch);
    });
  }
  template <class Model>
  void end_task(State<Model>& state, Model& model) const {
    with(state, [&](const auto& rehearsal, auto& own) { rehearsal.end_task(own, model); });
  }

 private:
  /// Calls `use` with the rehearsal and its own state.
  template <class Model, class Use>
  void with(State<Model>& state, const Use& use) const {
    const auto at = [&]<std::size_t k>(std::integral_constant<std::size_t, k>) {
      if (kind.index() != k) return;
      if (state.of.index() != k + 1) state.hold(k + 1);
      use(std::get<k>(kind), std::get<k + 1>(state.of));
    };
    [&]<std::size_t... k>(std::index_sequence<k...>) { (at(std::integral_constant<std::size_t, k>{}), ...); }
    (std::index_sequence_for<Kinds...>{});
  }
};

}  // namespace lab
