// SPDX-License-Identifier: MIT
// A learner touches the arrays of a backend only in the backend's own loops and copies, and its results have the same
// bits on every backend.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "conformance.hpp"
#include "guarded.hpp"
#include "tiny_model.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIFELONG_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LIFELONG_TEST_SANITIZED
#endif
#endif

namespace learner_test {

namespace {

using namespace lifelong;
using importance::Constant, importance::Fisher, importance::Mas, importance::RWalk, importance::SynapticIntelligence;
using optimizer::Adam, optimizer::Momentum, optimizer::Sgd;
using penalty::Anchor, penalty::Huber, penalty::None, penalty::Quadratic;
using test::Guarded, test::GuardedArray, test::host_copy, test::message_of, test::model_on, test::OnDevice, test::Plan,
    test::require_conformance, test::show, test::tiny_model, test::TinyTask, test::Trace;

static_assert(DeviceBackend<Guarded>);
static_assert(!DeviceBackend<backend::Serial> && !DeviceBackend<backend::OpenMP>);

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Draws values of all sizes and signs; by default a few more than ten chunks.
template <class T>
std::vector<T> some_values(std::uint64_t seed, std::size_t count = 10 * chunk_size + 21) {
  const Random random(seed);
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(random.normal(i));
  return values;
}

/// Makes an array of the backend with these values.
template <class T, class Backend>
ArrayOf<Backend, T> array_on(const Backend& backend, const std::vector<T>& values) {
  ArrayOf<Backend, T> array;
  array.resize(values.size());
  detail::copy_in(backend, std::span<const T>(values), array.data());
  return array;
}

template <class Backend, class T>
void put(const Backend& backend, const std::vector<T>& values, std::span<T> place) {
  detail::copy_in(backend, std::span<const T>(values), place.data());
}

/// Returns x_i + y_i.
template <class T>
struct Sum {
  const T* x;
  const T* y;
  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return load<V>(x, i) + load<V>(y, i);
  }
};

/// Throws in the middle of a loop.
struct Thrower {
  template <class V>
  V operator()(std::size_t i) const {
    if (i > 20) throw std::out_of_range("twenty");
    return V(0);
  }
};

#if !defined(LIFELONG_TEST_SANITIZED)

/// Returns whether `touch` ends its process, a child of this one, with a segmentation fault.
template <class Touch>
bool traps(const Touch& touch) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGSEGV, SIG_DFL);
    touch();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/// Returns whether the host can neither read nor write the array.
template <class T>
bool is_closed(GuardedArray<T>& array) {
  const auto first = reinterpret_cast<volatile char*>(array.data());
  const auto last = first + array.size() * sizeof(T) - 1;
  return traps([&] { static_cast<void>(*first); }) && traps([&] { *first = 1; }) && traps([&] { *last = 1; });
}

#endif

}  // namespace

TEMPLATE_TEST_CASE("guarded memory: an array is a value, zero at first", "", float, double, Bfloat16) {
  const auto values_of = [](const GuardedArray<TestType>& array) {
    const auto host = host_copy(Guarded{}, array.data(), array.size());
    return std::vector<float>(host.begin(), host.end());
  };
  using Values = std::vector<float>;
  GuardedArray<TestType> array;
  CHECK(array.size() == 0);
  array.resize(3);
  CHECK(values_of(array) == Values{0, 0, 0});
  put(Guarded{}, std::vector{TestType(1.0f), TestType(2.0f), TestType(3.0f)}, std::span(array.data(), 3));
  GuardedArray<TestType> copy = array, assigned;
  assigned = copy;
  array.resize(1);
  array.resize(2);
  CHECK(values_of(array) == Values{1, 0});
  TestType* const place = (array.reserve(4000), array.data());
  array.resize(4000);
  CHECK(array.data() == place);
  CHECK(values_of(array)[0] == 1);
  CHECK(values_of(array)[3999] == 0);
  CHECK(values_of(copy) == Values{1, 2, 3});
  CHECK(values_of(std::move(copy)) == Values{1, 2, 3});
  CHECK(values_of(assigned) == Values{1, 2, 3});
  CHECK_THROWS_AS(array.resize(std::size_t{1} << 40), std::bad_alloc);
  CHECK(array.size() == 4000);
}

#if !defined(LIFELONG_TEST_SANITIZED)

TEMPLATE_TEST_CASE("guarded memory: what the host touches ends the program", "", float, double, Bfloat16) {
  GuardedArray<TestType> array;
  array.resize(5000);
  CHECK(is_closed(array));
  {
    const OnDevice window;
    { const OnDevice inner; }
    CHECK_FALSE(traps([&] { array.data()[4999] = TestType(1.0f); }));
    GuardedArray<TestType> made_meanwhile;
    made_meanwhile.resize(5000);
    CHECK_FALSE(traps([&] { made_meanwhile.data()[4999] = TestType(1.0f); }));
  }
  CHECK(is_closed(array));
}

TEST_CASE("guarded memory: it is closed behind a kernel, also one that throws") {
  GuardedArray<double> array;
  array.resize(100);
  CHECK(Guarded{}.sum<double>(100, detail::Fill<double>{array.data(), 2.0}) == 0);
  CHECK(is_closed(array));
  CHECK_THROWS_AS(Guarded{}.sum<double>(100, Thrower{}), std::out_of_range);
  CHECK(is_closed(array));
  CHECK_THROWS_AS(Guarded{}.maximum<double>(100, Thrower{}), std::out_of_range);
  CHECK(is_closed(array));
  CHECK(host_copy(Guarded{}, array.data(), 100) == std::vector<double>(100, 2));
}

TEST_CASE("guarded memory: a learner's arrays are closed") {
  Learner learner{model_on(Guarded{}, tiny_model(3)), Mas{}, Quadratic{}, Momentum{}, Guarded{}};
  learner.fit(TinyTask(1));
  learner.consolidate(TinyTask(1));
  CHECK(traps([&] { learner.parameters()[0] = 1; }));
  CHECK(traps([&] { learner.gradient()[0] = 1; }));
  learner.state().visit(
      [](const std::string& name, auto& values) {
        INFO(name);
        CHECK(traps([&] { values.data()[0] = 1; }));
      },
      [](const std::string&, auto&) {});
}

#endif

TEST_CASE("guarded memory: kernels and copies do not take the host's memory for the device's") {
  const std::vector<double> host(100);
  GuardedArray<double> array;
  array.resize(100);
  CHECK_THROWS_AS(Guarded{}.copy_in(std::span(host), const_cast<double*>(host.data())), std::logic_error);
  CHECK_THROWS_AS(Guarded{}.copy_in(std::span<const double>(array.data(), 100), array.data()), std::logic_error);
#if defined(LIFELONG_TEST_FINDS_HOST_POINTERS)
  CHECK_THROWS_AS(Guarded{}.sum<double>(100, Sum<double>{array.data(), host.data()}), std::logic_error);
#endif
  CHECK(Guarded{}.sum<double>(100, Sum<double>{array.data(), array.data()}) == 0);
}

TEMPLATE_TEST_CASE("sums and maxima are bitwise the same on every backend", "", float, double) {
  for (const std::size_t count : {0u, 1u, 37u, 8192u, 8193u, 81941u})
    require_conformance([&](const auto& backend, Trace& trace) {
      const auto x = array_on(backend, some_values<TestType>(1, count));
      auto values = some_values<TestType>(2, count);
      if (count > 5) values[5] = static_cast<TestType>(not_a_number);
      const auto y = array_on(backend, values);
      const detail::OwnLoop<TestType, std::decay_t<decltype(backend)>> own(backend, count);
      const Sum<TestType> of_both{x.data(), y.data()}, of_one{x.data(), x.data()};
      trace.template sums_in<TestType>(4.0 * static_cast<double>(count));
      trace.add("sum", own.loop(of_one));
      trace.add("sum of NaN", own.loop(of_both));
      trace.add("part", own.loop.range(count / 3, count / 2, of_one));
      trace.add("maximum", static_cast<double>(own.loop.maximum(of_both)));
    });
}

TEMPLATE_TEST_CASE("what is done to a gradient is bitwise the same on every backend", "", float, double) {
  require_conformance([&](const auto& backend, Trace& trace) {
    auto array = array_on(backend, some_values<TestType>(1));
    const auto other = array_on(backend, some_values<TestType>(2));
    const std::span<TestType> gradient(array.data(), array.size());
    const auto show_as = [&](const char* name) { trace.add(name, host_copy(backend, array.data(), array.size())); };
    clip_values(gradient, 0.75, backend);
    show_as("clipped");
    add_share(gradient, std::span<const TestType>(other.data(), other.size()), 0.3, backend);
    show_as("added");
    clip_norm(gradient, 1e6, backend);
    show_as("of small norm");
    put(backend, std::vector<TestType>(array.size(), TestType(2)), gradient);
    trace.add("norm before", std::round(clip_norm(gradient, 1, backend) * 1e4));
    trace.add("norm", std::round(norm(std::span<const TestType>(gradient), backend) * 1e4));
    trace.add("of no parameters", norm(std::span<const TestType>(), backend));
  });
}

TEST_CASE("the norm on a device is that of the host up to rounding, and squares do not overflow") {
  const auto of = [](const auto& backend, const std::vector<float>& values) {
    const auto array = array_on(backend, values);
    return norm(std::span<const float>(array.data(), array.size()), backend);
  };
  for (const float scale : {1e-30f, 1.0f, 1e30f}) {
    std::vector<float> values = some_values<float>(1);
    for (float& value : values) value *= scale;
    CHECK_THAT(of(Guarded{}, values), test::WithinRel(of(backend::Serial{}, values), 1e-5));
  }
  for (const double bad : {not_a_number, HUGE_VAL}) {
    std::vector<float> values = some_values<float>(1);
    values[9000] = static_cast<float>(bad);
    auto array = array_on(Guarded{}, values);
    CHECK_FALSE(std::isfinite(clip_norm(std::span<float>(array.data(), array.size()), 1, Guarded{})));
    CHECK(host_copy(Guarded{}, array.data(), 9000) == std::vector<float>(values.begin(), values.begin() + 9000));
  }
}

TEST_CASE("a loop of one's own, and importances by hand, are the same on every backend") {
  for (const std::size_t hidden : {Plan{}.hidden, Plan::wide().hidden})
    require_conformance([&](const auto& backend, Trace& trace) {
      Learner learner{model_on(backend, tiny_model(hidden)), Mas{},
                      compact(Quadratic{.strength = 3, .anchor = Anchor::per_task}), Adam{}, backend};
      const std::size_t count = learner.parameters().size();
      put(backend, some_values<double>(1, count), learner.gradient());
      trace.add("step", learner.step(learner.gradient()));
      auto own = array_on(backend, some_values<double>(2, count));
      learner.model().gradient(TinyTask(1, 5).all(), {own.data(), count});
      trace.add("step", learner.step({own.data(), count}));
      trace.at("after two steps");
      show(learner, trace);
      std::vector<double> omega = some_values<double>(3, count);
      for (double& value : omega) value *= value;
      learner.set_importance(omega);
      trace.add("step", learner.step(TinyTask(2, 5).all()).penalty);
      trace.at("with an importance by hand");
      show(learner, trace);
      auto copy = learner;
      copy.fit(TinyTask(5, 3));
      copy.consolidate(TinyTask(5, 3));
      learner.consolidate(std::vector{TinyTask(3, 2).all(), TinyTask(4, 3).all()});
      trace.add("accuracy", accuracy(learner.model(), TinyTask(5, 3)));
      trace.at("after a task in batches");
      show(learner, trace);
      trace.at("of a copy, after a task");
      show(copy, trace);
    });
}

TEST_CASE("importances without a learner are the same on every backend") {
  require_conformance([](const auto& backend, Trace& trace) {
    auto model = model_on(backend, tiny_model(Plan::wide().hidden));
    auto out = array_on(backend, some_values<double>(1, model.parameters().size()));
    const std::span<double> place(out.data(), out.size());
    importance::estimate(Fisher{}, model, std::vector{TinyTask(1, 3).all()}, place, backend);
    trace.add("of outputs", host_copy(backend, out.data(), out.size()));
    test::OnlyGradient<decltype(model)> only{std::move(model)};
    importance::estimate(Fisher{.labels = importance::Labels::empirical}, only, std::vector{TinyTask(1, 3).all()},
                         place, backend);
    trace.add("of gradients", host_copy(backend, out.data(), out.size()));
  });
}

namespace {

/// A learner with a path, anchors per task, compact arrays and numbers: all kinds of state.
template <class Backend>
auto all_kinds(const Backend& backend, std::size_t hidden) {
  return Learner{model_on(backend, tiny_model(hidden)), RWalk{},
                 compact(Quadratic{.strength = 3, .anchor = Anchor::per_task}), compact(Adam{}), backend};
}

template <class Learner>
io::Safetensors shown_checkpoint(Learner& learner, Trace& trace) {
  io::Safetensors file = io::checkpoint(learner);
  for (const auto& tensor : file.tensors()) {
    const auto bytes = file.bytes(tensor.first);
    trace.add_text(tensor.first, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  return file;
}

}  // namespace

TEST_CASE("checkpoints are the same files on every backend, and learners go on from them") {
  for (const std::size_t hidden : {Plan{}.hidden, Plan::wide().hidden})
    require_conformance([&](const auto& backend, Trace& trace) {
      auto learner = all_kinds(backend, hidden);
      learner.fit(TinyTask(1, 5), {.batch_size = 2});
      learner.consolidate();
      learner.fit(TinyTask(2, 5), {.batch_size = 2});
      const io::Safetensors file = shown_checkpoint(learner, trace);

      auto resumed = all_kinds(backend, hidden);
      io::restore(file, resumed);
      for (auto* each : {&learner, &resumed}) {
        each->fit(TinyTask(2, 5), {.batch_size = 2});
        each->consolidate();
      }
      Trace of_both[2];
      show(learner, of_both[0]);
      show(resumed, of_both[1]);
      of_both[0].require_same(of_both[1], "the same backend, resumed");
      trace.at("in the end");
      show(resumed, trace);

      Learner other{learner.model(), RWalk{}, Huber{}, compact(Adam{}), backend};
      Trace untouched[2];
      show(other, untouched[0]);
      trace.add_text("refused", message_of<FormatError>([&] { io::restore(file, other); }));
      show(other, untouched[1]);
      untouched[0].require_same(untouched[1], "the same backend, not restored");
    });
}

TEST_CASE("errors are the same on every backend, name the parameter and change nothing") {
  const std::size_t hidden = Plan::wide().hidden;
  require_conformance([&](const auto& backend, Trace& trace) {
    Learner learner{model_on(backend, tiny_model(hidden)), Fisher{}, Quadratic{.strength = 3}, Adam{}, backend};
    learner.step(TinyTask(1, 3).all());
    learner.consolidate(TinyTask(1, 3));
    Trace before, after;
    show(learner, before);
    const std::size_t count = learner.parameters().size();
    const auto refused = [&](const auto& call) { trace.add_text("refused", message_of<Error>(call)); };
    const auto refused_as = [&](const char* message, const auto& call) {
      CHECK(message_of<NumericError>(call) == message);
      refused(call);
    };
    std::vector<double> values(count, 0.1);
    values[8193] = not_a_number;
    values[count - 1] = HUGE_VAL;
    put(backend, values, learner.gradient());
    refused_as("the gradient of parameter 8193 is nan in step 2", [&] { learner.step(learner.gradient()); });
    refused_as("the importance of parameter 8193 is nan in step 2", [&] { learner.set_importance(values); });
    values[8193] = 0;
    put(backend, values, learner.gradient());
    refused_as("the gradient of parameter 66338 is inf in step 2", [&] { learner.step(learner.gradient()); });
    refused_as("the importance of parameter 66338 is inf in step 2", [&] { learner.set_importance(values); });

    TinyTask task(2, 3);
    task.inputs[1] = not_a_number;
    refused_as("sample 0, feature 1 of the batch is nan", [&] { learner.step(task.all()); });
    refused_as("example 0, feature 1 is nan", [&] { learner.consolidate(task); });
    refused_as("example 0, feature 1 is nan", [&] { learner.update_importance(task); });
    refused([&] { learner.step(learner.gradient().first(3)); });
    refused([&] { learner.set_importance(std::span<const double>(values).first(3)); });
    refused([&] { learner.copy_importance(std::span<double>(values).first(3)); });
    refused([&] { learner.copy_parameters(0, std::span<double>(values).first(3)); });
    refused([&] { learner.consolidate(TinyTask(1, 0)); });
    show(learner, after);
    before.require_same(after, "the same backend, after errors");

    Learner fast{learner.model(), Constant{}, None{}, Sgd{.learning_rate = 1e300}, backend};
    values.assign(count, 0);
    values[9000] = 1e300;
    put(backend, values, fast.gradient());
    refused_as("the step was too large: parameter 9000 is -inf in step 1", [&] { fast.step(fast.gradient()); });
  });
}

TEST_CASE("memory that does not do is the same error on every backend") {
  require_conformance([](const auto& backend, Trace& trace) {
    const auto model = model_on(backend, tiny_model(3));
    const auto with = [&](std::size_t bytes) {
      return Learner{model, SynapticIntelligence{}, Quadratic{}, compact(Momentum{}), backend, MemoryLimit{bytes}};
    };
    auto learner = with(27 * 50);
    trace.add("state", static_cast<double>(learner.state_bytes()));
    trace.add("per parameter", static_cast<double>(learner.bytes_per_parameter()));
    trace.add_text("refused", message_of<OutOfMemory>([&] { with(27 * 50 - 1); }));
  });
}

TEST_CASE("a device whose memory does not do") {
  struct Huge {
    using value_type = float;
    float* somewhere = nullptr;
    std::span<float> parameters() { return {somewhere, test::GuardedMemory::capacity}; }
  };
  const auto make = [] { Learner{Huge{}, Constant{}, Quadratic{}, Sgd{}, Guarded{}}; };
  CHECK_THAT(message_of<OutOfMemory>(make),
             test::ContainsSubstring("268435456 parameters needs") && test::ContainsSubstring("more than there is"));
}

namespace {

/// Begins every task with half of what the last one left; task k uses k times what the last one left.
struct Halving {
  static constexpr std::array<const char*, 1> arrays{"left"};
  void validate() const {}

  template <class T>
  struct Kernel {
    T* left;
    template <class V>
    LIFELONG_HOST_DEVICE penalty::Term<V> term(std::size_t, V) const {
      return {V(T(0)), V(T(0))};
    }
    template <class V>
    LIFELONG_HOST_DEVICE V absorb(std::size_t i, V theta, V, const penalty::Absorption<V>&) const {
      store(left, i, theta);
      return V(T(0));
    }
    template <class V>
    LIFELONG_HOST_DEVICE V settle(std::size_t, V theta, std::size_t) const {
      return V(T(0.5)) * theta;
    }
    template <class V>
    LIFELONG_HOST_DEVICE V parameter(std::size_t i, V, std::size_t task) const {
      return V(static_cast<T>(task)) * load<V>(left, i);
    }
  };
  template <class T>
  Kernel<T> kernel(std::array<T*, 1> p) const {
    return {p[0]};
  }
};

/// Adds the gradient of the first batch it has seen to that of every later one.
struct FirstBatch {
  template <class Model>
  struct State {
    std::vector<double> inputs;
    double labels[2] = {};
    void resize(std::size_t) {}
    [[nodiscard]] std::size_t bytes() const { return inputs.size() * sizeof(double); }
    template <class Array, class Number>
    void visit(const Array&, const Number& number) {
      for (double& label : labels) number("label", label);
    }
  };
  void validate() const {}

  template <class Model, class Backend>
  double gradient(State<Model>& state, const Backend& backend, Model& model, const Batch<double>& batch,
                  std::span<double> out) const {
    const double loss = model.gradient(batch, out);
    if (state.inputs.empty()) {
      state.inputs.assign(batch.inputs.begin(), batch.inputs.begin() + 2 * TinyTask::width);
      for (std::size_t n = 0; n < 2; ++n) state.labels[n] = batch.labels[n];
    }
    const std::int32_t labels[] = {static_cast<std::int32_t>(state.labels[0]),
                                   static_cast<std::int32_t>(state.labels[1])};
    ArrayOf<Backend, double> of_first;
    of_first.resize(out.size());
    model.gradient({2, TinyTask::width, state.inputs, labels}, {of_first.data(), out.size()});
    clip_values(out, 0.1, backend);
    add_share(out, std::span<const double>(of_first.data(), out.size()), 0.5, backend);
    return loss;
  }
  template <class Model>
  void end_task(State<Model>&, Model&) const {}
};

}  // namespace

TEST_CASE("penalties with parameters for each task, and rehearsals, are the same on every backend") {
  for (const Plan& plan : {Plan{}, Plan::wide()})
    require_conformance([&](const auto& backend, Trace& trace) {
      Learner learner{
          model_on(backend, tiny_model(plan.hidden)), Constant{}, Halving{}, Momentum{}, FirstBatch{}, backend};
      test::train(learner, plan, trace);
    });
}

}  // namespace learner_test
