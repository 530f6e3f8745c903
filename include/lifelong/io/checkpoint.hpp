// SPDX-License-Identifier: MIT
// A learner in a file: parameters, importances, anchors, the optimizer's arrays and all counts, so that training
// continues with the same bits.
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

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/io/recipes.hpp>
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
    if constexpr (std::same_as<V, Bfloat16>) require_range(host, name);
    values.resize(host.size());
    if constexpr (is_of_backend<Values, Backend>)
      lifelong::detail::copy_in(backend_, std::span<const V>(host), values.data());
    else
      std::ranges::copy(host, values.begin());
  }
  template <class V>
  void number(const std::string& name, V& value) {
    const auto stored = file_.values<Stored<V>>(name);
    state_dict_detail::require_finite<Stored<V>>(stored, name, file_.name());
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
    if (!file_.contains(name)) return read_blocks<S>(file_, with_prefix(layout_, name));
    std::vector<S> values = file_.values<S>(name);
    state_dict_detail::require_finite<S>(values, name, file_.name());
    return values;
  }
  /// \throws NumericError for a value that is too large for the half of one.
  void require_range(const std::vector<Bfloat16>& values, const std::string& name) const {
    const std::vector<float> rounded(values.begin(), values.end());
    state_dict_detail::require_finite<float>(rounded, name, file_.name());
  }

  const Safetensors& file_;
  const Layout& layout_;
  const Backend& backend_;
  std::size_t tensors_ = 0;
};

/// Show a `Writer` or a `Reader` the arrays and numbers of a state; one type for every learner.
template <class File>
struct Arrays {
  File& file;
  template <class Values>
  void operator()(const std::string& name, Values& values) const {
    file.array(name, values);
  }
};
template <class File>
struct Numbers {
  File& file;
  template <class Value>
  void operator()(const std::string& name, Value& value) const {
    file.number(name, value);
  }
};

template <class File>
Arrays(File&) -> Arrays<File>;
template <class File>
Numbers(File&) -> Numbers<File>;

/// Calls `number("model.name", value)` for the numbers that a model's next training passes depend on.
template <class Model, class Number>
void visit_numbers(Model& model, const Number& number) {
  if constexpr (requires { model.visit_state(number); })
    model.visit_state([&](const char* name, auto& value) { number(std::string("model.") + name, value); });
}

inline constexpr const char* type_key = "type";
inline constexpr const char* version_key = "lifelong.checkpoint";
inline constexpr const char* version = "1";

/// Calls `visit(part, recipe)` for every part of a learner.
template <class Learner, class Visit>
void visit_recipes(const Learner& learner, const Visit& visit) {
  learner.visit_recipes(visit);
  visit("scope", learner.scope().text());
}

/// \throws FormatError unless the file is an undamaged checkpoint of this version, of a learner of T.
template <class T>
void require_checkpoint(const Safetensors& file) {
  require_seal(file);
  const auto found = file.metadata().find(version_key);
  if (found == file.metadata().end())
    lifelong::detail::raise<FormatError>("'" + file.name() + "' is no checkpoint of a learner");
  if (found->second != version)
    lifelong::detail::raise<FormatError>("'" + file.name() + "' is a checkpoint of format " +
                                         io_detail::in_quotes(found->second) + ", but only format '" + version +
                                         "' is read");
  const auto type = file.metadata().find(type_key);
  const std::string found_type = type == file.metadata().end() ? "" : type->second;
  if (found_type != safetensors_detail::dtype_of<T>)
    lifelong::detail::raise<FormatError>("'" + file.name() + "' is of a learner of " +
                                         io_detail::in_quotes(found_type) + ", but this one is of '" +
                                         std::string(safetensors_detail::dtype_of<T>) + "'");
}

/// \throws FormatError if the learner that was saved had other settings than `learner`; InvalidArgument for a name in
/// `may_differ` that stands for nothing.
template <class Learner>
void require_same_recipes(const Safetensors& file, const Learner& learner, const std::vector<std::string>& may_differ) {
  io_detail::RecipeComparison comparison(file.name(), may_differ);
  visit_recipes(learner, [&](const std::string& part, const std::string& here) {
    const auto found = file.metadata().find(part);
    const std::string in_file = found == file.metadata().end() ? "" : found->second;
    if (part == "scope")
      comparison.compare_texts(part, in_file, here);
    else
      comparison.compare(part, in_file, here);
  });
  comparison.require_all_used();
}

}  // namespace checkpoint_detail

/// What may be otherwise in a learner than in the one whose checkpoint it takes over.
struct RestoreOptions {
  /// Names of settings as recipes have them (`strength`, `learning rate`), alone or behind the name of their part
  /// (`penalty.strength`), or whole parts: `importance`, `penalty`, `optimizer`, `rehearsal`, `model`, `scope`.
  std::vector<std::string> may_differ = {};
};

/// The whole state of a learner: the model, Ω, θ*, what is gathered during training, the optimizer's arrays, and the
/// numbers of steps and tasks so far. Tensors are named `model.0.weight`, `penalty.importance.0.weight`,
/// `optimizer.velocity.0.weight`, ...; arrays in bfloat16 are widened, which is exact. The metadata have
/// `learner.recipe()` for a human reader, the recipe of each part, with which `restore` compares, and a checksum: call
/// `seal` after any change of your own.
template <class Learner>
[[nodiscard]] Safetensors checkpoint(Learner& learner) {
  using T = typename Learner::value_type;
  auto& model = learner.model();
  const Layout layout = checkpoint_detail::layout_of(model);
  return io_detail::with_memory_for("checkpoint", [&] {
    Safetensors file;
    const checkpoint_detail::Writer<T, typename Learner::Backend> writer(file, layout, learner.backend());
    writer.array("model", learner.parameters());
    if constexpr (requires { model.buffer_layout(); })
      state_dict_detail::add_array(file, model, checkpoint_detail::with_prefix(model.buffer_layout(), "model"),
                                   std::span<const T>(model.buffers()));
    const checkpoint_detail::Numbers number{writer};
    checkpoint_detail::visit_numbers(model, number);
    learner.state().visit(checkpoint_detail::Arrays{writer}, number);
    file.set_metadata("recipe", learner.recipe());
    checkpoint_detail::visit_recipes(
        learner, [&](const std::string& part, const std::string& recipe) { file.set_metadata(part, recipe); });
    file.set_metadata(checkpoint_detail::type_key, std::string(safetensors_detail::dtype_of<T>));
    file.set_metadata(checkpoint_detail::version_key, checkpoint_detail::version);
    seal(file);
    return file;
  });
}

/// Puts `learner` into the saved state. On the same machine it then continues with the same bits, if batches, tasks and
/// epochs come as they would have. The learner must have the types and settings of the one that was saved, but for
/// those that `options.may_differ` names. A part without `recipe()` is compared by its type's arrays alone. If this
/// throws, nothing has changed; meanwhile it takes memory for a copy of the state.
/// \throws FormatError for a file that is damaged or no checkpoint; for another setting, which it names with both
/// values; and for a tensor that is missing, left over or of another type. ShapeMismatch for a tensor of another shape,
/// NumericError for a value that is NaN or Inf, InvalidArgument for a name in `may_differ` that is no setting.
template <class Learner>
void restore(const Safetensors& file, Learner& learner, const RestoreOptions& options = {}) {
  using T = typename Learner::value_type;
  auto& model = learner.model();
  checkpoint_detail::require_checkpoint<T>(file);
  checkpoint_detail::require_same_recipes(file, learner, options.may_differ);
  const Layout layout = checkpoint_detail::layout_of(model);
  checkpoint_detail::Reader<T, typename Learner::Backend> reader(file, layout, learner.backend());
  std::vector<T> parameters, buffers;
  auto state = io_detail::with_memory_for(file.name(), [&] {
    parameters = reader.blocks(checkpoint_detail::with_prefix(layout, "model"));
    if constexpr (requires { model.buffer_layout(); })
      buffers = reader.blocks(checkpoint_detail::with_prefix(model.buffer_layout(), "model"));
    checkpoint_detail::visit_numbers(model, [&](const std::string& name, auto value) { reader.number(name, value); });
    auto read = learner.state();
    read.visit(checkpoint_detail::Arrays{reader}, checkpoint_detail::Numbers{reader});
    reader.require_nothing_left();
    return read;
  });

  lifelong::detail::copy_in(learner.backend(), std::span<const T>(parameters), learner.parameters().data(),
                            "the parameters");
  if constexpr (requires { model.buffers(); })
    state_dict_detail::set_array(model, std::span<T>(model.buffers()), buffers);
  checkpoint_detail::visit_numbers(model, checkpoint_detail::Numbers{reader});
  learner.state() = std::move(state);
}

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
