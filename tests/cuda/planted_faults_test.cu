// SPDX-License-Identifier: MIT
// Faults that are planted into the system under the backend, and into code that uses it, are found on the simulated
// device: an array that nobody initialised, a host that reads the device's memory, work in the wrong order, a result
// that nobody waited for.
#include <lifelong/cuda.cuh>
#include <lifelong/lifelong.hpp>

#include "catch.hpp"
#include "device_parameters.hpp"
#include "simulated.hpp"

#if !defined(__CUDACC__)

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace lifelong;
using test::normal_values, test::on_device, test::same_bits, test::Simulated, test::state_of;

constexpr std::size_t parameters = 5000;

/// Takes a few steps by a learner on `On`, ends a task, takes some more; returns θ and Ω.
template <class On>
std::vector<float> trained_on() {
  using Backend = lifelong::cuda::BasicBackend<On>;
  const Backend backend;
  Learner learner{test::DeviceParameters<float, Backend>(parameters), importance::SynapticIntelligence{},
                  penalty::Quadratic{.strength = 3}, optimizer::Adam{}, backend};
  for (int task = 0; task < 2; ++task) {
    for (std::uint64_t k = 0; k < 3; ++k) {
      const std::vector<float> values = normal_values<float>(parameters, k);
      backend.copy_in(std::span<const float>(values), learner.gradient().data());
      learner.step(learner.gradient());
    }
    learner.consolidate();
  }
  return state_of(learner);
}

/// What the same training comes to on the processor.
const std::vector<float>& expected() {
  static const std::vector<float> state = trained_on<lifelong::cuda::Processor>();
  return state;
}

/// True if a training on this system falls out, or ends elsewhere.
template <class On>
bool is_found() {
  try {
    return !same_bits(trained_on<On>(), expected());
  } catch (const Error&) {
    return true;
  }
}

struct ForgetsToInitialise : Simulated {
  static void set_to_zero_now(void*, std::size_t) {}
};
/// Runs the last piece of work first.
struct RunsBackwards : Simulated {
  static void synchronize(Stream stream) {
    std::reverse(stream->work.begin(), stream->work.end());
    Simulated::synchronize(stream);
  }
};
/// Copies on a stream that nobody waits for.
struct CopiesOnAnotherStream : Simulated {
  template <class What>
  static void copy(Stream, void* to, const void* from, std::size_t bytes, const What& what) {
    static const Stream other = Simulated::make_stream();
    Simulated::copy(other, to, from, bytes, what);
  }
};
struct DoesNotWait : Simulated {
  static void synchronize(Stream) {}
};
/// Copies arrays without waiting for the kernels that write to them.
struct CopiesTooEarly : Simulated {
  static void copy_now(void* to, const void* from, std::size_t bytes) {
    const test::OnDevice window;
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
};

/// A device that fails in the middle of a training, as CUDA reports it: late, or with a copy.
struct Fails : Simulated {
  static inline bool waiting = false, copying = false;
  static void synchronize(Stream stream) {
    if (waiting) throw lifelong::cuda::Error("cudaStreamSynchronize for the backend: cudaErrorIllegalAddress");
    Simulated::synchronize(stream);
  }
  template <class What>
  static void copy(Stream stream, void* to, const void* from, std::size_t bytes, const What& what) {
    if (copying) throw lifelong::cuda::Error("cudaMemcpyAsync for " + what() + ": cudaErrorInvalidValue");
    Simulated::copy(stream, to, from, bytes, what);
  }
};

/// True if `body` ends a process of its own with a segmentation fault.
template <class Body>
bool traps(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

}  // namespace

TEST_CASE("a training without faults ends where that of the processor ends") { CHECK_FALSE(is_found<Simulated>()); }

TEST_CASE("arrays that are not initialised are found") { CHECK(is_found<ForgetsToInitialise>()); }

TEST_CASE("work in the wrong order is found") {
  CHECK(is_found<RunsBackwards>());
  CHECK(is_found<CopiesOnAnotherStream>());
  CHECK(is_found<DoesNotWait>());
}

TEST_CASE("a copy of an array that does not wait for the kernels before it is found") {
  using Backend = lifelong::cuda::BasicBackend<CopiesTooEarly>;
  const Backend backend;
  auto array = on_device(backend, std::vector<float>(100, 1.0F));
  backend.template each<float>(0, 100, lifelong::detail::Fill<float>{array.data(), 2.0F});
  const auto copy = array;
  std::vector<float> values(100);
  backend.copy_out(copy.data(), std::span(values));
  CHECK(values[0] != 2);
}

TEST_CASE("a host that reads or writes the device's memory is found") {
  using Backend = lifelong::cuda::BasicBackend<Simulated>;
  const Backend backend;
  auto array = on_device(backend, std::vector<float>(100, 1.0F));
  CHECK(traps([&] { _exit(array.data()[5] == 1); }));
  CHECK(traps([&] { array.data()[5] = 1; }));
  CHECK_FALSE(traps([] {}));
}

TEST_CASE("errors of the device name the kernel or the array") {
  using Backend = lifelong::cuda::BasicBackend<Fails>;
  Learner learner{test::DeviceParameters<float, Backend>(parameters), importance::SynapticIntelligence{},
                  penalty::Quadratic{}, optimizer::Adam{}, Backend{}};
  std::vector<float> values(parameters);
  learner.step(learner.gradient());
  Fails::waiting = true;
  const auto late = test::message_of<lifelong::cuda::Error>([&] { learner.step(learner.gradient()); });
  CHECK_THAT(late, test::ContainsSubstring("cudaErrorIllegalAddress, in the kernel CountBeyond or in what"));
  Fails::waiting = false;
  Fails::copying = true;
  const auto copy = test::message_of<lifelong::cuda::Error>([&] { learner.copy_importance(values); });
  CHECK_THAT(copy, test::ContainsSubstring("cudaMemcpyAsync for the importance, 5000 float from the device"));
  Fails::copying = false;
}

TEST_CASE("a kernel that is given memory of the host is found") {
  using Backend = lifelong::cuda::BasicBackend<Simulated>;
  std::vector<float> host(100);
#if defined(LIFELONG_TEST_FINDS_HOST_POINTERS)
  CHECK_THROWS_AS(Backend{}.template each<float>(0, 100, lifelong::detail::Fill<float>{host.data(), 1}),
                  std::logic_error);
#endif
}

#endif
