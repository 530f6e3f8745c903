// SPDX-License-Identifier: MIT
// Steps that are enqueued are the steps that are waited for; what goes wrong in them is reported; a graph takes them.
#include <lifelong/cuda.cuh>
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "catch.hpp"
#include "device_parameters.hpp"
#include "simulated.hpp"

namespace {

using namespace lifelong;
using importance::RWalk, importance::SynapticIntelligence;
using optimizer::Adam, optimizer::Momentum;
using penalty::ImplicitQuadratic, penalty::Quadratic;
using test::DeviceParameters, test::normal_values, test::on_device, test::same_bits, test::state_of;

#if defined(__CUDACC__)
using Backend = lifelong::cuda::Backend;
#else
using Backend = lifelong::cuda::BasicBackend<test::Simulated>;
#endif

constexpr std::size_t parameters = 10001;

/// Calls `body(learner)` for learners whose enqueued steps have to differ in kind.
template <class T, class Body>
void for_each_kind(const Body& body) {
  const auto with = [&](const auto&... parts) {
    const Backend backend;
    body([=] { return Learner{DeviceParameters<T, Backend>(parameters), parts..., backend}; });
  };
  with(SynapticIntelligence{}, Quadratic{.strength = 3}, Adam{});
  with(RWalk{}, compact(Quadratic{.strength = 3}), compact(Adam{}));
  with(SynapticIntelligence{}, ImplicitQuadratic{.strength = 3}, Momentum{});
}

/// Gradients that lie on the device.
template <class T>
struct Gradients {
  explicit Gradients(const Backend& backend, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) arrays.push_back(on_device(backend, normal_values<T>(parameters, k)));
  }
  std::span<const T> operator[](std::size_t k) const { return {arrays[k].data(), parameters}; }
  std::vector<ArrayOf<Backend, T>> arrays;
};

/// Parameters of which some are frozen.
struct PartlyFrozen : DeviceParameters<float, Backend> {
  using DeviceParameters::DeviceParameters;
  std::vector<ParameterRange> ranges{{3, 4000}, {5001, 9999}};
  [[nodiscard]] std::span<const ParameterRange> learning() const { return ranges; }
};

}  // namespace

TEMPLATE_TEST_CASE("enqueued steps have the bits of steps that are waited for", "", float, double) {
  for_each_kind<TestType>([](const auto& make) {
    auto waiting = make(), going_on = make();
    const Gradients<TestType> gradients(waiting.backend(), 7);
    double last = 0;
    for (int task = 0; task < 2; ++task) {
      for (std::size_t k = 0; k < 7; ++k) last = waiting.step(gradients[k]);
      for (std::size_t k = 0; k < 7; ++k) going_on.enqueue_step(gradients[k]);
      CHECK_THAT(going_on.finish_steps(), test::WithinRel(last, 1e-4));
      CHECK(same_bits(state_of(waiting), state_of(going_on)));
      waiting.consolidate();
      going_on.consolidate();
      CHECK(same_bits(state_of(waiting), state_of(going_on)));
      CHECK(going_on.state().optimizer_steps == waiting.state().optimizer_steps);
    }
    CHECK(last > 0);
    CHECK(going_on.finish_steps() == going_on.penalty_value());
  });
}

TEST_CASE("enqueued steps leave frozen parameters as they are, and add up the penalty of the others") {
  const Backend backend;
  const auto make = [&] {
    return Learner{PartlyFrozen(parameters), SynapticIntelligence{}, Quadratic{.strength = 3}, Adam{}, backend};
  };
  auto waiting = make(), going_on = make();
  const Gradients<float> gradients(backend, 3);
  double last = 0;
  for (int task = 0; task < 2; ++task) {
    for (std::size_t k = 0; k < 3; ++k) last = waiting.step(gradients[k]);
    for (std::size_t k = 0; k < 3; ++k) going_on.enqueue_step(gradients[k]);
    CHECK_THAT(going_on.finish_steps(), test::WithinRel(last, 1e-4));
    waiting.consolidate();
    going_on.consolidate();
  }
  CHECK(same_bits(state_of(waiting), state_of(going_on)));
  CHECK(state_of(going_on)[4500] == 0);
}

TEST_CASE("a gradient that is not finite is reported by the step's number and counts as 0") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), HUGE_VALF, 0x1p25F}) {
    const Backend backend;
    const auto make = [&] {
      return Learner{DeviceParameters<float, Backend>(parameters), SynapticIntelligence{}, Quadratic{}, Adam{},
                     backend};
    };
    auto learner = make(), expected = make();
    std::vector<float> values = normal_values<float>(parameters, 1);
    const auto good = on_device(backend, values);
    values[8000] = 0;
    const auto mended = on_device(backend, values);
    values[8000] = bad;
    const auto broken = on_device(backend, values);
    const auto take = [&](auto& from, const auto& third) {
      for (int k = 0; k < 5; ++k) from.enqueue_step({(k == 2 ? third : good).data(), parameters});
    };
    take(learner, broken);
    take(expected, mended);
    expected.finish_steps();
    CHECK_THAT(test::message_of<NumericError>([&] { learner.finish_steps(); }),
               test::ContainsSubstring("in step 3, which was enqueued, a value of the gradient is not finite"));
    CHECK(same_bits(state_of(learner), state_of(expected)));
    learner.enqueue_step({good.data(), parameters});
    CHECK_NOTHROW(learner.finish_steps());
    CHECK(learner.state().optimizer_steps == 6);
  }
}

TEST_CASE("a step that might overflow is taken by `step`, which reports it and takes it back") {
  const Backend backend;
  Learner learner{DeviceParameters<float, Backend>(parameters), SynapticIntelligence{}, Quadratic{},
                  optimizer::Sgd{.learning_rate = 1e38}, backend};
  const auto gradient = on_device(backend, std::vector<float>(parameters, 100.0F));
  const auto before = state_of(learner);
  CHECK_THROWS_AS(learner.enqueue_step({gradient.data(), parameters}), NumericError);
  CHECK(same_bits(state_of(learner), before));
  CHECK_THROWS_AS(learner.enqueue_step({gradient.data(), 3}), ShapeMismatch);
}

#if !defined(__CUDACC__)

TEST_CASE("the host does not wait for an enqueued step, and a step that it waits for is done") {
  const Backend backend;
  Learner learner{DeviceParameters<float, Backend>(parameters), SynapticIntelligence{}, Quadratic{}, Adam{}, backend};
  const Gradients<float> gradients(backend, 1);
  learner.enqueue_step(gradients[0]);  // looks whether steps can overflow
  learner.finish_steps();
  backend.synchronize();
  for (std::size_t k = 1; k < 4; ++k) {
    learner.enqueue_step(gradients[0]);
    CHECK(backend.stream()->work.size() == k);
  }
  learner.finish_steps();
  learner.step(gradients[0]);
  CHECK(backend.stream()->work.empty());
}

TEMPLATE_TEST_CASE("every run of a graph is a step of its own", "", float, double) {
  for_each_kind<TestType>([](const auto& make) {
    auto expected = make(), learner = make();
    const auto stream = learner.backend().stream();
    const Gradients<TestType> gradients(learner.backend(), 1);
    const auto refused = [&] { learner.enqueue_step(gradients[0]); };
    test::Simulated::begin_capture(stream);
    CHECK_THAT(test::message_of<InvalidArgument>(refused),
               test::ContainsSubstring("take a step before the one that a graph captures"));
    test::Simulated::end_capture(stream);

    const auto at_first = state_of(learner);
    learner.enqueue_step(gradients[0]);
    learner.finish_steps();
    test::Simulated::begin_capture(stream);
    learner.enqueue_step(gradients[0]);
    const auto graph = test::Simulated::end_capture(stream);
    CHECK(learner.state().optimizer_steps == 1);  // nothing has run yet
    for (int run = 0; run < 4; ++run)
      for (const auto& piece : graph) stream->work.push_back(piece);
    learner.finish_steps();
    for (int k = 0; k < 5; ++k) expected.step(gradients[0]);
    CHECK(same_bits(state_of(learner), state_of(expected)));
    CHECK(!same_bits(state_of(learner), at_first));
    CHECK(learner.state().optimizer_steps == 5);
    CHECK(learner.state().task_steps == 5);
  });
}

#else

TEMPLATE_TEST_CASE("every run of a graph is a step of its own", "", float, double) {
  for_each_kind<TestType>([](const auto& make) {
    auto expected = make(), learner = make();
    const cudaStream_t stream = learner.backend().stream();
    const Gradients<TestType> gradients(learner.backend(), 1);
    learner.enqueue_step(gradients[0]);
    learner.finish_steps();
    cudaGraph_t graph{};
    cudaGraphExec_t run{};
    REQUIRE(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
    learner.enqueue_step(gradients[0]);
    REQUIRE(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
    REQUIRE(cudaGraphInstantiate(&run, graph, 0) == cudaSuccess);
    CHECK(learner.state().optimizer_steps == 1);  // nothing has run yet
    for (int k = 0; k < 4; ++k) REQUIRE(cudaGraphLaunch(run, stream) == cudaSuccess);
    learner.finish_steps();
    REQUIRE(cudaGraphExecDestroy(run) == cudaSuccess);
    REQUIRE(cudaGraphDestroy(graph) == cudaSuccess);
    for (int k = 0; k < 5; ++k) expected.step(gradients[0]);
    CHECK(same_bits(state_of(learner), state_of(expected)));
    CHECK(learner.state().optimizer_steps == 5);
  });
}

#endif
