// SPDX-License-Identifier: MIT
// Networks that are too large, for memory or for counting, are refused by name when they are made.
#include <lifelong/nn.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIFELONG_TEST_SANITIZED  // a sanitizer ends the program where there is too little memory
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LIFELONG_TEST_SANITIZED
#endif
#endif

namespace sizes_test {

using namespace lifelong;
using namespace lifelong::nn;

namespace {

constexpr std::size_t power(int n) { return std::size_t{1} << n; }
constexpr std::size_t largest = static_cast<std::size_t>(-1);

/// The message with which a network of these layers is refused.
template <class E, class... Layers>
std::string refusal(Shape input, Layers... layers) {
  return test::message_of<E>([&] { sequential<float>(input, layers...); });
}

}  // namespace

#if !defined(LIFELONG_TEST_SANITIZED)
TEST_CASE("a network that does not fit into memory says how many parameters it has", "[sizes]") {
  CHECK(refusal<OutOfMemory>(Shape{power(28)}, Linear{power(28), power(28)}) ==
        "a network of 72057594306363392 parameters does not fit into memory");
  CHECK(refusal<OutOfMemory>(Shape{power(28)}, Heads{power(28), {power(27), power(27)}}) ==
        "a network of 72057594306363392 parameters does not fit into memory");
  CHECK(test::message_of<OutOfMemory>([] {
          mlp<double>({power(28), power(28), 2});
        }) == "a network of 72057594843234306 parameters does not fit into memory");
  auto heads = sequential<float>(Heads{power(20), {2}});
  CHECK(test::message_of<OutOfMemory>([&] { heads.grow(power(31)); }) ==
        "a network of 2251801963266050 parameters does not fit into memory");
  CHECK(heads.outputs() == 2);
  CHECK(heads.parameters().size() == 2 * power(20) + 2);
}

TEST_CASE("a batch whose activations do not fit into memory is refused, and the network is as it was", "[sizes]") {
  auto network = sequential<float>(Shape{1, 1, 1}, Conv2d{1, 1, 1, 1, 724}, GlobalAvgPool{}, Linear{1, 1});
  std::vector<float> values(power(24));
  const Batch<float> batch{values.size(), 1, values};
  CHECK(test::message_of<OutOfMemory>([&] { network.predict(batch, values); }) ==
        "no memory for a work array of 35225459490816 values");
  network.predict(batch.sample(0), std::span(values).first(1));
}
#endif

TEST_CASE("sizes whose product cannot be counted are refused by name", "[sizes]") {
  CHECK(refusal<InvalidArgument>(Shape{}, Linear{power(40), power(40)}) ==
        "the inputs: 1099511627776 values per sample are more than 2^32 - 1");
  CHECK(refusal<InvalidArgument>(Shape{}, Linear{1, power(40)}) ==
        "layer 0: 1099511627776 values per sample are more than 2^32 - 1");
  CHECK(test::message_of<InvalidArgument>([] {
          mlp<float>({2, largest, 2});
        }) == "layer 0: 18446744073709551615 values per sample are more than 2^32 - 1");
  CHECK(test::message_of<InvalidArgument>([] {
          Shape{power(22), power(22), power(22)};
        }) == "the shape 4194304 x 4194304 x 4194304 has more values than can be counted");
  CHECK(refusal<InvalidArgument>(Shape{power(31), 1}, Linear{1, power(33)}) ==
        "layer 0: the shape 2147483648 x 8589934592 has more values than can be counted");
  CHECK(refusal<InvalidArgument>(Shape{power(31), 1}, Gru{1, power(62)}) ==
        "layer 0: the shape 2147483648 x 4611686018427387904 has more values than can be counted");
  CHECK(refusal<InvalidArgument>(Shape{1, 1}, Lstm{1, power(62)}) ==
        "layer 0: 1 x 4611686018427387904 values per sample are more than 2^32 - 1");
  CHECK(refusal<InvalidArgument>(Shape{1}, Embedding{power(62), 4}) ==
        "layer 0: Embedding{4611686018427387904, 4} has more than 2^32 tokens");
  CHECK(refusal<InvalidArgument>(Shape{1}, Heads{1, {power(63), power(63)}}) ==
        "layer 0: Heads have more than 2^32 - 1 outputs");
  CHECK(refusal<OutOfMemory>(Shape{power(20), 1, 1}, Conv2d{power(20), power(30), 4097, 1, 2048}) ==
        "with '0.weight' of 1073741824 x 1048576 x 4097 x 4097 there are more parameters than can be counted");
}

TEST_CASE("windows too large to be counted are refused by name", "[sizes]") {
  const Shape image{1, 4, 4};
  CHECK(refusal<InvalidArgument>(image, Conv2d{1, 1, 3, 1, largest / 2}) ==
        "layer 0: Conv2d{1, 1, 3, 1, 9223372036854775807}: 1 x 4 x 4 with a padding of 9223372036854775807 has more "
        "than 2^32 - 1 pixels per channel");
  CHECK(refusal<InvalidArgument>(image, MaxPool2d{.kernel = power(33), .padding = power(32)}) ==
        "layer 0: MaxPool2d{8589934592}: 1 x 4 x 4 with a padding of 4294967296 has more than 2^32 - 1 pixels per "
        "channel");
  CHECK(refusal<ShapeMismatch>(image, AvgPool2d{.kernel = {power(32), power(32)}}) ==
        "layer 0: AvgPool2d{4294967296}: no window fits into 1 x 4 x 4");
  CHECK(refusal<InvalidArgument>(image, MaxPool2d{.kernel = 2, .stride = 2, .padding = power(31)}) ==
        "layer 0: MaxPool2d{2}: 1 x 4 x 4 with a padding of 2147483648 has more than 2^32 - 1 pixels per channel");
  CHECK(refusal<InvalidArgument>(image, MaxPool2d{.kernel = 2, .stride = 2, .padding = 2}) ==
        "layer 0: MaxPool2d{2}: the padding of 2 is more than half the kernel");
}

TEST_CASE("a layout names the block with which its sizes overflow", "[sizes]") {
  Layout layout;
  layout.add("first", {power(32), power(31)});
  CHECK(test::message_of<OutOfMemory>([&] {
          layout.add("second", {power(32), power(31)});
        }) == "with 'second' of 4294967296 x 2147483648 there are more parameters than can be counted");
  CHECK(test::message_of<OutOfMemory>([&] {
          layout.add("third", {power(32), power(32)});
        }) == "with 'third' of 4294967296 x 4294967296 there are more parameters than can be counted");
  CHECK(layout.add("none", {power(32), power(32), 0}) == power(63));
  CHECK(layout.size() == power(63));
  CHECK(layout.blocks().size() == 2);
}

TEST_CASE("arrays for outputs and cotangents are as long as their number of rows, even if that overflows", "[sizes]") {
  auto network = mlp<float>({1, 4});
  std::vector<float> values(8), none;
  const Batch<float> batch{power(62), 1, {values.data(), 8}};
  CHECK_THROWS_AS(network.predict(batch, none), ShapeMismatch);
  const Batch<float> claimed{power(62), 1, {values.data(), power(62)}};  // is never read
  CHECK(test::message_of<ShapeMismatch>([&] { network.predict(claimed, none); }) ==
        "the array for the outputs has 0 elements where 4611686018427387904 rows of 4 are needed");
  CHECK(test::message_of<ShapeMismatch>([&] { network.pullback(claimed, none, values); }) ==
        "the array of cotangents has 0 elements where 4611686018427387904 rows of 4 are needed");
}

TEST_CASE("Kronecker factors that do not fit into memory are named", "[sizes]") {
  Layout layout;
  layout.add("3.weight", {power(30), power(33)}, BlockKind::linear);
  CHECK(test::message_of<OutOfMemory>([&] {
          KroneckerAccumulator<float>(layout, nn::detail::kronecker_sites(layout));
        }) == "the Kronecker factors of layer 3, squares of side 8589934592 and 1073741824, do not fit into memory");
  Layout smaller;
  smaller.add("3.weight", {2, power(31)}, BlockKind::linear);
  CHECK(test::message_of<OutOfMemory>([&] {
          KroneckerAccumulator<double>(smaller, nn::detail::kronecker_sites(smaller));
        }) == "the Kronecker factors of layer 3, squares of side 2147483648 and 2, do not fit into memory");
}

}  // namespace sizes_test
