// SPDX-License-Identifier: MIT
// A small transformer reads short reviews, of unequal length, and says what they are: praise, a complaint or a
// question. It learns one domain after the other. Domains share most of their words, but a word may say something else
// in each of them.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace ll = lifelong;

constexpr std::size_t kinds = 3, longest = 16, shortest = 5;
constexpr std::size_t fillers = 10, opinions = 24,
                      topics = 3;  // words: of no meaning, of one in each domain, of a domain
constexpr std::size_t domains = 4, words = fillers + opinions + domains * topics;

/// What an opinion word says in a domain: for half of the words that is left to chance.
std::size_t meaning(std::size_t domain, std::size_t opinion) {
  const ll::Random random(11);
  const std::uint64_t draw = 2 * (domain * opinions + opinion);
  return random.below(draw, 2) == 0 ? opinion % kinds : random.below(draw + 1, kinds);
}

/// Reviews of a domain as a source of examples. A row has room for the longest; what is behind a shorter one is never
/// read.
// [source]
class Reviews {
 public:
  Reviews(std::size_t domain, std::size_t count, std::uint64_t seed) : domain_(domain), count_(count), random_(seed) {}

  std::size_t size() const { return count_; }
  std::size_t features() const { return longest; }
  std::size_t targets() const { return 0; }

  void read(std::size_t i, ll::ExampleRow<float> row) const {
    const std::size_t label = i % kinds;
    std::uint64_t draw = i * 256;
    const auto below = [&](std::size_t bound) { return random_.below(draw++, bound); };
    const std::size_t length = shortest + below(longest - shortest + 1), topic_at = below(length);
    for (std::size_t t = 0; t < longest; ++t) row.inputs[t] = 0;
    for (std::size_t t = 0; t < length; ++t) {
      const std::size_t what = below(8);
      std::size_t word = below(fillers);
      if (t == topic_at)
        word = fillers + opinions + domain_ * topics + below(topics);
      else if (what < 4 || t == (topic_at + 1) % length)
        word = fillers + opinion_of(what == 0 ? below(kinds) : label, below(opinions));
      row.inputs[t] = static_cast<float>(word);
    }
    row.length = static_cast<std::uint32_t>(length);
    row.label = static_cast<std::int32_t>(label);
  }

 private:
  /// The first opinion word from `word` on that says `kind` in this domain.
  std::size_t opinion_of(std::size_t kind, std::size_t word) const {
    while (meaning(domain_, word) != kind) word = (word + 1) % opinions;
    return word;
  }

  std::size_t domain_, count_;
  ll::Random random_;
};
// [source]

struct Domain {
  std::string name;
  Reviews train, test;
};

std::vector<Domain> all_domains() {
  std::vector<Domain> all;
  for (std::size_t d = 0; d < domains; ++d)
    all.push_back({"domain " + std::to_string(d + 1), Reviews(d, 900, 100 + d), Reviews(d, 300, 200 + d)});
  return all;
}

/// Learns all domains one after the other; returns the accuracies.
template <class Importance>
ll::AccuracyMatrix learn(const std::string& name, const Importance& importance, double strength) {
  // [network]
  using namespace ll::nn;
  const auto network = sequential<float>(Shape{longest}, Embedding{words, 32}, PositionEmbedding{longest, 32},
                                         TransformerBlock{32, 2, 64}, LayerNorm{32}, MeanPosition{}, Linear{32, kinds});
  // [network]
  ll::Learner learner{network, importance, ll::penalty::Quadratic{.strength = strength},
                      ll::optimizer::Adam{.learning_rate = 3e-3}};
  const auto stream = all_domains();
  ll::AccuracyMatrix accuracy(stream.size());
  for (const Domain& domain : stream) {
    learner.fit(domain.train, {.epochs = 12, .batch_size = 30});
    learner.consolidate(domain.train);
    accuracy.add_row(ll::evaluate(learner, stream));
  }
  std::cout << name << '\n'
            << accuracy << "average accuracy " << accuracy.average_accuracy() << ", backward transfer "
            << accuracy.backward_transfer().value() << "\n\n";
  return accuracy;
}

int main() {
  using namespace ll::importance;
  const auto plain = learn("plain training", Constant{}, 0);
  const auto ewc = learn("online EWC", Fisher{.merge = Merge::decay(1)}, 500);
  const auto mas = learn("MAS", Mas{}, 1);
  const double forgotten = plain.backward_transfer().value();
  const bool kept =
      ewc.average_accuracy() > plain.average_accuracy() && ewc.backward_transfer().value() > forgotten / 2 &&
      mas.average_accuracy() > plain.average_accuracy() && mas.backward_transfer().value() > forgotten / 2;
  return kept ? 0 : 1;
}
