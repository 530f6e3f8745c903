// SPDX-License-Identifier: MIT
// A learner in a file: parameters, importances, anchors, the optimizer's arrays and all counts, so that training
// continues with the same bits.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/io/safetensors.hpp>
#include <lifelong/io/state_dict.hpp>

namespace lifelong::io {

namespace checkpoint_detail {

/// The blocks of a model's parameters; a model without names has one block.
template <class Model>
Layout layout_of(Model& model) {
  if constexpr (requires { model.layout(); }) {
    return model.layout();
  } else {
    Layout layout;
    layout.add("parameters", {model.parameters().size()});
    return layout;
  }
}

inline Layout with_prefix(const Layout& layout, const std::string& prefix) {
  Layout named;
  for (const Block& block : layout.blocks()) named.add(prefix + "." + block.name, block.shape, block.kind);
  return named;
}

template <class V>
using Stored = std::conditional_t<std::floating_point<V>, double, std::uint64_t>;
/// What an element of an array is saved as: itself, or T for the half of one in bfloat16.
template <class V, class T>
using StoredElement = std::conditional_t<std::same_as<V, Bfloat16>, T, V>;

/// True for arrays of the backend and views of them, such as the parameters. All other arrays lie in the host's memory:
/// they are in a state that a part defines itself.
template <class Values, class Backend, class V = std::remove_cvref_t<decltype(*std::declval<Values&>().data())>>
inline constexpr bool is_of_backend =
    std::is_same_v<Values, ArrayOf<Backend, V>> || std::is_same_v<Values, std::span<V>>;

/// Writes to a file the arrays and numbers of a state that it is called with. An array as long as the parameters is
/// saved block by block, as they are; any other array is saved whole.
template <class T, class Backend>
class Writer {
 public:
  Writer(Safetensors& file, const Layout& layout, const Backend& backend)
      : file_(file), layout_(layout), backend_(backend) {}

  template <class Values>
  void array(const std::string& name, const Values& values) const {
    using V = std::remove_cvref_t<decltype(*values.data())>;
    std::vector<V> host(values.size());
    if constexpr (is_of_backend<Values, Backend>)
      lifelong::detail::copy_out(backend_, static_cast<const V*>(values.data()), std::span<V>(host));
    else
      std::ranges::copy(values, host.begin());
    using S = StoredElement<V, T>;
    const std::vector<S> stored(host.begin(), host.end());
    if (values.size() == layout_.size())
      add_blocks(file_, with_prefix(layout_, name), std::span<const S>(stored));
    else
      file_.add<S>(name, {stored.size()}, std::span<const S>(stored));
  }
  template <class V>
  void number(const std::string& name, V value) const {
    const Stored<V> stored[] = {static_cast<Stored<V>>(value)};
    file_.add<Stored<V>>(name, {}, stored);
  }

 private:
  Safetensors& file_;
  const Layout& layout_;
  const Backend& backend_;
};

/// Fills the arrays and numbers of a state that it is called with from a file, and counts the tensors it has used.
template <class T, class Backend>
class Reader {
 public:
  Reader(const Safetensors& file, const Layout& layout, const Backend& backend)
      : file_(file), layout_(layout), backend_(backend) {}

  template <class Values>
  void array(const std::string& name, Values& values) {
    using V = std::remove_cvref_t<decltype(*values.data())>;
    std::vector<V> host;
    for (const auto value : values_of<StoredElement<V, T>>(name)) host.push_back(V(value));
    values.resize(host.size());
    if constexpr (is_of_backend<Values, Backend>)
      lifelong::detail::copy_in(backend_, std::span<const V>(host), values.data());
    else
      std::ranges::copy(host, values.begin());
  }
  template <class V>
  void number(const std::string& name, V& value) {
    const auto stored = file_.values<Stored<V>>(name);
    if (stored.size() != 1 || static_cast<Stored<V>>(static_cast<V>(stored[0])) != stored[0])
      lifelong::detail::raise<FormatError>(name + " of '" + file_.name() +
                                           "' is not a single number that fits its type");
    value = static_cast<V>(stored[0]);
    ++tensors_;
  }
  [[nodiscard]] std::vector<T> blocks(const Layout& layout) {
    tensors_ += layout.blocks().size();
    return read_blocks<T>(file_, layout);
  }
  /// \throws FormatError if the file has tensors that were not read.
  void require_nothing_left() const {
    if (tensors_ != file_.tensors().size())
      lifelong::detail::raise<FormatError>("'" + file_.name() + "' has " + std::to_string(file_.tensors().size()) +
                                           " tensors where the learner has " + std::to_string(tensors_));
  }

 private:
  template <class S>
  std::vector<S> values_of(const std::string& name) {
    tensors_ += file_.contains(name) ? 1 : layout_.blocks().size();
    return file_.contains(name) ? file_.values<S>(name) : read_blocks<S>(file_, with_prefix(layout_, name));
  }

  const Safetensors& file_;
  const Layout& layout_;
  const Backend& backend_;
  std::size_t tensors_ = 0;
};

/// Calls `number("model.name", value)` for the numbers that a model's next training passes depend on.
template <class Model, class Number>
void visit_numbers(Model& model, const Number& number) {
  if constexpr (requires { model.visit_state(number); })
    model.visit_state([&](const char* name, auto& value) { number(std::string("model.") + name, value); });
}

}  // namespace checkpoint_detail

/// The whole state of a learner without its settings: the model, Ω, θ*, what is gathered during training, the
/// optimizer's arrays, and the numbers of steps and tasks so far. Tensors are named `model.0.weight`,
/// `penalty.importance.0.weight`, `optimizer.velocity.0.weight`, ...; the metadata has `learner.recipe()` for a human
/// reader. Arrays in bfloat16 are widened, which is exact.
template <class Learner>
[[nodiscard]] Safetensors checkpoint(Learner& learner) {
  using T = typename Learner::value_type;
  auto& model = learner.model();
  const Layout layout = checkpoint_detail::layout_of(model);
  Safetensors file;
  const checkpoint_detail::Writer<T, typename Learner::Backend> writer(file, layout, learner.backend());
  writer.array("model", learner.parameters());
  if constexpr (requires { model.buffer_layout(); })
    add_blocks(file, checkpoint_detail::with_prefix(model.buffer_layout(), "model"),
               std::span<const T>(model.buffers()));
  const auto number = [&](const std::string& name, auto& value) { writer.number(name, value); };
  checkpoint_detail::visit_numbers(model, number);
  learner.state().visit([&](const std::string& name, auto& values) { writer.array(name, values); }, number);
  file.set_metadata("recipe", learner.recipe());
  return file;
}

/// Puts `learner`, which has the same types and settings as the one that was saved, into the saved state. On the same
/// machine it then continues with the same bits, if batches, tasks and epochs come as they would have. If this throws,
/// nothing has changed; meanwhile it takes memory for a copy of the state. \throws FormatError for a tensor that is
/// missing, left over or of another type, ShapeMismatch for one of another shape.
template <class Learner>
void restore(const Safetensors& file, Learner& learner) {
  using T = typename Learner::value_type;
  auto& model = learner.model();
  const Layout layout = checkpoint_detail::layout_of(model);
  checkpoint_detail::Reader<T, typename Learner::Backend> reader(file, layout, learner.backend());
  const std::vector<T> parameters = reader.blocks(checkpoint_detail::with_prefix(layout, "model"));
  std::vector<T> buffers;
  if constexpr (requires { model.buffer_layout(); })
    buffers = reader.blocks(checkpoint_detail::with_prefix(model.buffer_layout(), "model"));
  checkpoint_detail::visit_numbers(model, [&](const std::string& name, auto value) { reader.number(name, value); });
  auto state = learner.state();
  state.visit([&](const std::string& name, auto& values) { reader.array(name, values); },
              [&](const std::string& name, auto& value) { reader.number(name, value); });
  reader.require_nothing_left();

  lifelong::detail::copy_in(learner.backend(), std::span<const T>(parameters), learner.parameters().data());
  if constexpr (requires { model.buffers(); }) std::ranges::copy(buffers, model.buffers().begin());
  checkpoint_detail::visit_numbers(model, [&](const std::string& name, auto& value) { reader.number(name, value); });
  learner.state() = std::move(state);
}

}  // namespace lifelong::io
