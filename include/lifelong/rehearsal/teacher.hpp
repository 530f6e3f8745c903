// SPDX-License-Identifier: MIT
// The model as it was when the last task ended.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>

namespace lifelong::rehearsal {

/// The parameters of a model, and its running statistics if it has `buffers()`, as they were: what the model was is
/// asked by exchanging them for a moment. Parameters that a model has grown since are those of the present. They lie in
/// the host's memory.
template <class Model>
class Teacher {
  using T = typename Model::value_type;

 public:
  /// Whether there is one.
  [[nodiscard]] bool exists() const { return !parameters_.empty(); }

  /// Remembers the model as it is. \throws OutOfMemory.
  void remember(Model& model) {
    const std::span<T> theta = model.parameters();
    detail::with_memory(
        [&] {
          AlignedVector<T> parameters(theta.begin(), theta.end()), buffers;
          if constexpr (requires { model.buffers(); }) buffers.assign(model.buffers().begin(), model.buffers().end());
          parameters_ = std::move(parameters);
          buffers_ = std::move(buffers);
        },
        [&] { return "no memory for the " + std::to_string(theta.size()) + " parameters of an old model"; });
  }

  /// The outputs that the model as it was has for a batch, in the width of the present model. \throws ShapeMismatch for
  /// a model with fewer parameters or another number of statistics, and what the model throws; it is as it was then.
  void predict(Model& model, const Batch<T>& batch, std::span<T> out) {
    const Exchanged exchanged(*this, model);
    model.predict(batch, out);
  }

  /// The present model has `parameters`. A teacher read later has no more.
  void resize(std::size_t parameters) { most_ = parameters; }
  [[nodiscard]] std::size_t bytes() const { return (parameters_.size() + buffers_.size()) * sizeof(T); }
  /// See `PolicyState`. \throws FormatError for arrays of another length than their number says, or for more parameters
  /// than the present model has.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    const auto visit_one = [&](const char* count, const char* name, AlignedVector<T>& values) {
      std::size_t size = values.size();
      number(count, size);
      if (size > 0)
        array(name, values);
      else
        values.clear();
      if (values.size() != size)
        detail::raise<FormatError>(std::string(name) + " has " + std::to_string(values.size()) + " values, not " +
                                   std::to_string(size));
    };
    visit_one("teacher_size", "teacher", parameters_);
    visit_one("teacher_buffers_size", "teacher_buffers", buffers_);
    if (parameters_.size() > most_)
      detail::raise<FormatError>("the old model has " + std::to_string(parameters_.size()) +
                                 " parameters and the present one " + std::to_string(most_));
  }

 private:
  /// Exchanges the two for as long as it lives.
  class Exchanged {
   public:
    Exchanged(Teacher& teacher, Model& model) : teacher_(teacher), model_(model) {
      if (model.parameters().size() < teacher.parameters_.size())
        detail::refuse_size("the model", model.parameters().size(),
                            "the old one has " + std::to_string(teacher.parameters_.size()));
      if constexpr (requires { model.buffers(); })
        detail::require_size("the running statistics", model.buffers().size(), teacher.buffers_.size());
      exchange();
    }
    Exchanged(const Exchanged&) = delete;
    Exchanged& operator=(const Exchanged&) = delete;
    ~Exchanged() { exchange(); }

   private:
    static void exchange(std::span<T> values, AlignedVector<T>& others) {
      for (std::size_t i = 0; i < others.size(); ++i) std::swap(values[i], others[i]);
    }
    void exchange() {
      exchange(model_.parameters(), teacher_.parameters_);
      if constexpr (requires { model_.buffers(); }) exchange(model_.buffers(), teacher_.buffers_);
    }
    Teacher& teacher_;
    Model& model_;
  };

  AlignedVector<T> parameters_, buffers_;
  std::size_t most_ = 0;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
