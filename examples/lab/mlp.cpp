// SPDX-License-Identifier: MIT
#include "mlp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <map>
#include <numeric>
#include <utility>

namespace lab {

namespace {

using lifelong::FormatError;
using lifelong::detail::shape_text;
using lifelong::io::io_detail::in_quotes;
using lifelong::nn::Activation;

constexpr const char* advice = "; describe the network by --architecture (docs/pytorch.md)";

/// A Linear layer, by its weight.
struct Found {
  std::string name;
  std::size_t in, out;
};

/// Layers whose names differ in numbers only, in the order of these numbers.
using Row = std::vector<Found>;

/// What a name says apart from its numbers, and its numbers, which are compared by length first.
struct Name {
  std::string words;
  std::vector<std::pair<std::size_t, std::string>> numbers;
};

Name split(const std::string& name) {
  const auto digit = [&](std::size_t i) { return i < name.size() && name[i] >= '0' && name[i] <= '9'; };
  Name parts;
  for (std::size_t i = 0; i < name.size();) {
    if (!digit(i) || (name[i] == '0' && digit(i + 1))) {  // a zero in front is no part of the number
      parts.words += name[i++];
      continue;
    }
    std::size_t end = i;
    while (digit(end)) ++end;
    parts.words += '#';
    parts.numbers.emplace_back(end - i, name.substr(i, end - i));
    i = end;
  }
  return parts;
}

/// The layer that a weight belongs to.
Found layer_with(const StateDict& state, const std::string& weight) {
  const std::string& file = state.file.name();
  const auto& shape = state.file.at(weight).shape;
  if (shape.size() != 2)
    throw FormatError(fmt::format("{} of '{}' has {} dimensions ({}), where a Linear layer has 2{}", in_quotes(weight),
                                  file, shape.size(), shape_text(shape), advice));
  if (shape[0] == 0 || shape[1] == 0)
    throw FormatError(fmt::format("{} of '{}' is empty: {}", in_quotes(weight), file, shape_text(shape)));
  return {weight.substr(0, weight.size() - std::string(".weight").size()), shape[1], shape[0]};
}

/// The layers, in rows of the same words. \throws FormatError for tensors that are neither weight nor bias of one.
std::vector<Row> rows_of(const StateDict& state) {
  const std::string& file = state.file.name();
  std::map<std::string, Row> rows;
  for (const std::string& tensor : state.names) {
    if (tensor.ends_with(".weight") && tensor != ".weight") {
      const Found layer = layer_with(state, tensor);
      rows[split(layer.name).words].push_back(layer);
    } else if (!tensor.ends_with(".bias")) {
      throw FormatError(fmt::format("'{}' has a tensor {}, where an MLP has weights and biases only{}", file,
                                    in_quotes(tensor), advice));
    } else if (const std::string weight = tensor.substr(0, tensor.size() - 4) + "weight";
               !state.file.contains(weight)) {
      throw FormatError(fmt::format("'{}' has {} but no {}", file, in_quotes(tensor), in_quotes(weight)));
    }
  }
  std::vector<Row> sorted;
  for (auto& [words, row] : rows) {
    const auto numbers = [](const Found& layer) { return split(layer.name).numbers; };
    std::sort(row.begin(), row.end(), [&](const Found& a, const Found& b) { return numbers(a) < numbers(b); });
    sorted.push_back(std::move(row));
  }
  return sorted;
}

/// \throws FormatError unless each layer takes what the one before it makes.
void require_chained(const Row& row, const std::string& file) {
  for (std::size_t l = 1; l < row.size(); ++l)
    if (row[l].in != row[l - 1].out)
      throw FormatError(fmt::format("{} of '{}' takes {} values, but {} before it makes {}{}",
                                    in_quotes(row[l].name + ".weight"), file, row[l].in,
                                    in_quotes(row[l - 1].name + ".weight"), row[l - 1].out, advice));
}

/// The rows one after the other. \throws FormatError unless there is one order in which they fit.
Row in_order(const std::vector<Row>& rows, const std::string& file) {
  constexpr std::size_t most = 6;  // 720 orders
  std::vector<std::size_t> order(rows.size()), found;
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto misfit = [&](std::size_t a, std::size_t b) { return rows[a].back().out != rows[b].front().in; };
  int fitting = 0;
  bool more = rows.size() <= most;
  for (; more && fitting < 2; more = std::next_permutation(order.begin(), order.end())) {
    if (std::adjacent_find(order.begin(), order.end(), misfit) != order.end()) continue;
    ++fitting;
    found = order;
  }
  if (fitting != 1)
    throw FormatError(
        fmt::format("the names and widths of '{}' do not say in which order its layers follow{}", file, advice));
  Row all;
  for (const std::size_t r : found) all.insert(all.end(), rows[r].begin(), rows[r].end());
  return all;
}

/// One for each hidden layer.
std::vector<Activation> spread(const std::vector<Activation>& activations, std::size_t hidden,
                               const std::string& file) {
  if (hidden > 0 && activations.empty())
    throw lifelong::InvalidArgument(fmt::format(
        "'{}' has {} hidden layers: say with --activation what stands behind them (relu, tanh, sigmoid or gelu)", file,
        hidden));
  if (activations.size() <= 1)
    return std::vector<Activation>(hidden, hidden == 0 ? Activation::relu : activations.front());
  if (activations.size() != hidden)
    throw lifelong::InvalidArgument(
        fmt::format("--activation lists {}, but '{}' has {} hidden layers", activations.size(), file, hidden));
  return activations;
}

AnyLayer layer_of(Activation activation) {
  return std::visit([](const auto& layer) -> AnyLayer { return layer; }, lifelong::nn::activation_layer(activation));
}

}  // namespace

Architecture mlp_architecture(const StateDict& state, const std::vector<Activation>& activations) {
  const std::string& file = state.file.name();
  const std::vector<Row> rows = rows_of(state);
  for (const Row& row : rows) require_chained(row, file);
  const Row layers = in_order(rows, file);
  const std::vector<Activation> between = spread(activations, layers.size() - 1, file);
  Architecture architecture{file, {}, {}};
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (l > 0) architecture.layers.push_back({"activation", "", layer_of(between[l - 1])});
    architecture.layers.push_back({"linear", layers[l].name, lifelong::nn::Linear{}});
  }
  return architecture;
}

}  // namespace lab
