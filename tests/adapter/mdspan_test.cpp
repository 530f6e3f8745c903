// SPDX-License-Identifier: MIT
// Views with the members of std::mdspan as data sets; std::mdspan itself where the library and the standard have it.
#include <lifelong/adapter/mdspan.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>
#include <version>

#if defined(__cpp_lib_mdspan)
#include <mdspan>
#endif

#include "catch.hpp"

namespace mdspan_test {

namespace ll = lifelong;

namespace {

/// The members of std::mdspan<T, dextents<size_t, R>, layout_stride>.
template <class T, std::size_t R>
struct View {
  using element_type = T;
  T* data;
  std::array<std::size_t, R> extents, strides;
  static constexpr std::size_t rank() { return R; }
  T* data_handle() const { return data; }
  std::size_t extent(std::size_t r) const { return extents[r]; }
  std::size_t stride(std::size_t r) const { return strides[r]; }
};

std::vector<float> inputs{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
std::vector<std::int32_t> labels{1, 0};

template <class Rows>
void check_classes(const Rows& rows) {
  const ll::Dataset<float> data = ll::adapter::dataset(rows, labels);
  CHECK(data.size() == 2);
  CHECK(data.shape() == std::vector<std::size_t>{2, 3});
  CHECK(data.inputs().data() == inputs.data());
  CHECK(data.classes() == 2);
}

}  // namespace

TEST_CASE("a view of a row-major array is a data set without a copy", "[mdspan]") {
  check_classes(View<const float, 3>{inputs.data(), {2, 2, 3}, {6, 3, 1}});
  const View<float, 1> each{inputs.data(), {12}, {1}};
  const auto regression = ll::adapter::dataset(View<float, 2>{inputs.data(), {3, 4}, {4, 1}},
                                               View<float, 2>{inputs.data(), {3, 2}, {2, 1}});
  CHECK(regression.size() == 3);
  CHECK(regression.features() == 4);
  CHECK(regression.targets() == 2);
  CHECK(ll::adapter::dataset(each, each).features() == 1);
  const auto given = ll::adapter::dataset(View<float, 2>{inputs.data(), {2, 6}, {6, 1}},
                                          View<const std::int32_t, 1>{labels.data(), {2}, {1}});
  CHECK(given.classes() == 2);
  CHECK(ll::adapter::dataset(View<float, 2>{inputs.data(), {2, 1}, {1, 77}}, labels).size() == 2);  // of one column
}

TEST_CASE("a view with other strides or another number of answers is refused", "[mdspan]") {
  const char* contiguous = "inputs must be row-major and contiguous to be used without a copy";
  const auto message = [](auto view) {
    return test::message_of<ll::InvalidArgument>([&] { static_cast<void>(ll::adapter::dataset(view, labels)); });
  };
  CHECK(message(View<float, 2>{inputs.data(), {2, 6}, {1, 2}}) == contiguous);
  CHECK(message(View<float, 2>{inputs.data(), {2, 3}, {6, 1}}) == contiguous);
  CHECK(message(View<float, 2>{inputs.data(), {2, 3}, {6, 2}}) == contiguous);
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          static_cast<void>(ll::adapter::dataset(View<float, 2>{inputs.data(), {3, 4}, {4, 1}}, labels));
        }) == "there are 3 inputs, but 2 labels or targets");
}

#if defined(__cpp_lib_mdspan)
TEST_CASE("a std::mdspan is a data set without a copy", "[mdspan]") {
  // [mdspan]
  const std::mdspan images(inputs.data(), 2, 2, 3);  // N x rows x columns
  const ll::Dataset<float> data = ll::adapter::dataset(images, labels);
  // [mdspan]
  CHECK(data.features() == 6);
  check_classes(images);
  check_classes(std::mdspan<const float, std::extents<int, 2, 2, 3>>(inputs.data()));
  using Columns = std::mdspan<float, std::dextents<std::size_t, 2>, std::layout_left>;
  CHECK(test::message_of<ll::InvalidArgument>([] {
          static_cast<void>(ll::adapter::dataset(Columns(inputs.data(), 2, 6), labels));
        }) == "inputs must be row-major and contiguous to be used without a copy");
}
#endif

}  // namespace mdspan_test
