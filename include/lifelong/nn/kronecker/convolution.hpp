// SPDX-License-Identifier: MIT
// The Kronecker factors of convolutions, from the pixels in their windows, row by row.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

#include <lifelong/nn/layer/convolution.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn::detail {

/// X has a row for each position of each image: the patch in the window of group k of the convolution there, with zeros
/// for padding. D has the gradients of the group's outputs there. Images are unfolded some at a time, into scratch for
/// 2^19 values or for one image.
template <class T, class Backend, class Take>
void for_each_outer_product(const Conv2d& layer, const Backend& backend, const Flow<T>& flow, Rows<const T> x,
                            Rows<const T> dy, const Take& take) {
  const std::size_t positions = layer.windows.out.size(), image = layer.windows.in.size();
  const std::size_t channels = layer.in / layer.groups, outputs = layer.out / layer.groups;
  const std::size_t taps = layer.kernel.size(), seen = channels * taps;
  const std::size_t slice = std::max<std::size_t>(1, (std::size_t{1} << 19) / (positions * (seen + outputs)));
  detail::grow(flow.scratch, std::min(slice, x.count) * positions * (seen + outputs));
  for (std::size_t first = 0; first < x.count; first += slice) {
    const std::size_t rows = std::min(slice, x.count - first) * positions;
    const Rows<T> patches{flow.scratch.data(), rows, seen}, deltas{patches.data + patches.size(), rows, outputs};
    for (std::size_t group = 0; group < layer.groups; ++group) {
      for_each_range(backend, rows / positions, positions * (seen + outputs), [&](std::size_t begin, std::size_t end) {
        for (std::size_t n = begin; n < end; ++n) {
          const T* from = x.row(first + n).data() + group * channels * image;
          const T* d = dy.row(first + n).data() + group * outputs * positions;
          T* to = patches.row(n * positions).data();
          T* delta = deltas.row(n * positions).data();
          if (layer.padding != Sides(0)) std::fill_n(to, positions * seen, T(0));
          for (std::size_t i = 0; i < seen; ++i) {
            const std::size_t tap = i % taps;
            layer.windows.for_each_run({tap / layer.kernel.width, tap % layer.kernel.width}, [&](auto run) {
              const T* value = from + i / taps * image + run.in;
              for (std::size_t j = 0; j < run.length; ++j) to[(run.out + j) * seen + i] = value[j * layer.stride.width];
            });
          }
          for (std::size_t o = 0; o < outputs; ++o)
            for (std::size_t t = 0; t < positions; ++t) delta[t * outputs + o] = d[o * positions + t];
        }
      });
      take(group, Rows<const T>(patches), Rows<const T>(deltas));
    }
  }
}

}  // namespace lifelong::nn::detail

#include <lifelong/config/pop_macros.hpp>
