// SPDX-License-Identifier: MIT
// Presets of other codebases against slow versions of their rules: one sample, one step and one parameter at a time.
#include <lifelong/conventions.hpp>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "slow_importance.hpp"
#include "tiny_model.hpp"

namespace convention_test {

namespace {

namespace ll = lifelong;
namespace cv = lifelong::convention;
using ll::importance::Labels;
using test::TinyModel;
using test::TinyTask;
using Vec = std::vector<double>;
using Batches = std::vector<ll::Batch<double>>;

/// A step as a codebase sees it.
struct Step {
  Vec gradient, penalty_gradient, before, after;
};

/// The gradients of every sample of a batch.
using Group = std::vector<Vec>;

/// Jᵀ delta(f, y) of every sample, batch by batch.
template <class Delta>
std::vector<Group> gradients(TinyModel& model, const Batches& batches, const Delta& delta) {
  std::vector<Group> groups;
  for (const auto& batch : batches) {
    groups.emplace_back();
    for (std::size_t n = 0; n < batch.size; ++n) {
      const test::Linearised sample(model, batch.sample(n));
      groups.back().push_back(sample.pull(delta(sample.f, static_cast<std::size_t>(batch.labels[n]))));
    }
  }
  return groups;
}

Vec probabilities(const Vec& f) { return test::softmax_of(f, {0, static_cast<std::uint32_t>(f.size())}); }
Vec score_of_truth(const Vec& f, std::size_t y) { return test::score_of(y, probabilities(f)); }
Vec score_of_prediction(const Vec& f, std::size_t) {
  return test::score_of(static_cast<std::size_t>(std::max_element(f.begin(), f.end()) - f.begin()), probabilities(f));
}
double length(const Vec& f) {
  double total = 0;
  for (const double value : f) total += value * value;
  return std::sqrt(total);
}
Vec times(double factor, Vec values) {
  for (double& value : values) value *= factor;
  return values;
}
Vec slope_of_square(const Vec& f, std::size_t) { return times(2, f); }
Vec slope_of_length(const Vec& f, std::size_t) { return times(1 / length(f), f); }

Vec plus(double a, const Vec& x, double b, const Vec& y) {
  Vec sum(std::max(x.size(), y.size()));
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = (x.empty() ? 0 : a * x[i]) + (y.empty() ? 0 : b * y[i]);
  return sum;
}

Vec mean(const Group& group) {
  Vec sum(group[0].size());
  for (const Vec& g : group) sum = plus(1, sum, 1, g);
  return times(1 / static_cast<double>(group.size()), sum);
}
Vec square(Vec values) {
  for (double& value : values) value *= value;
  return values;
}
Vec absolute(Vec values) {
  for (double& value : values) value = std::abs(value);
  return values;
}

/// 1/B Σ_b m(mean gradient of batch b).
template <class Moment>
Vec mean_of_batches(const std::vector<Group>& groups, const Moment& moment) {
  Group values;
  for (const Group& group : groups) values.push_back(moment(mean(group)));
  return mean(values);
}

/// 1/N Σ_b N_b m(mean gradient of batch b).
template <class Moment>
Vec mean_by_samples(const std::vector<Group>& groups, const Moment& moment) {
  Group values;
  for (const Group& group : groups) values.insert(values.end(), group.size(), moment(mean(group)));
  return mean(values);
}

/// Σ over all samples of the squares.
Vec sum_of_squares(const std::vector<Group>& groups) {
  Vec sum;
  for (const Group& group : groups)
    for (const Vec& g : group) sum = plus(1, sum, 1, square(g));
  return sum;
}

Vec batch_squares(TinyModel& model, const Batches& batches) {
  return mean_of_batches(gradients(model, batches, score_of_truth), square);
}

constexpr std::size_t parameters = 27;
constexpr double theirs = 0.3;  // the strength, as given to the codebase

/// Trains three tasks with the recipe and asks the slow version for Ω at the end of each: `slow.observe(Step)` and
/// `slow.end(model, batches)`, for penalties with an anchor per task that task's Ω alone. `factor` is that of the
/// codebase's penalty.
template <class Recipe, class Slow>
void check(const Recipe& recipe, double factor, Slow slow) {
  const bool separate = recipe.penalty.anchor == ll::penalty::Anchor::per_task;
  ll::Learner learner{TinyModel{}, recipe.importance, recipe.penalty, ll::optimizer::Momentum{.learning_rate = 0.1}};
  CHECK(learner.recipe().find("without a recipe") == std::string::npos);
  CHECK(recipe.convention.factor == factor);
  const auto theta = [&] { return Vec(learner.parameters().begin(), learner.parameters().end()); };
  std::vector<Vec> omegas, anchors;
  const auto penalty = [&](const Vec& at, Vec& gradient) {
    double value = 0;
    gradient.assign(parameters, 0);
    for (std::size_t k = 0; k < omegas.size(); ++k)
      for (std::size_t i = 0; i < parameters; ++i) {
        const double move = at[i] - anchors[k][i];
        value += factor * theirs * omegas[k][i] * move * move;
        gradient[i] += 2 * factor * theirs * omegas[k][i] * move;
      }
    return value;
  };
  for (std::uint64_t task = 0; task < 3; ++task) {
    for (std::uint64_t step = 0; step < 11; ++step) {
      const TinyTask batch(100 * task + step, 7);
      Step made{Vec(parameters), {}, theta(), {}};
      learner.model().gradient(batch.all(), made.gradient);
      penalty(made.before, made.penalty_gradient);
      learner.step(std::span<const double>(made.gradient));
      made.after = theta();
      slow.observe(made);
    }
    const TinyTask data(1000 + task, 21);
    const Vec omega = slow.end(learner.model(), test::cut(data.all(), 8));
    learner.consolidate(data, {.batch_size = 8});
    if (!separate) omegas.clear(), anchors.clear();
    omegas.push_back(omega);
    anchors.push_back(theta());
    Vec all;
    for (const Vec& each : omegas) all = plus(1, all, 1, each);
    INFO("task " << task);
    test::check_equal({learner.importance().begin(), learner.importance().end()}, all, 100);
    const Vec kept = theta();
    for (std::size_t i = 0; i < parameters; ++i) learner.parameters()[i] += 0.1 * std::sin(static_cast<double>(i));
    Vec ignored;
    REQUIRE_THAT(learner.penalty_value(), test::WithinRel(penalty(theta(), ignored), 1e-9));
    std::copy(kept.begin(), kept.end(), learner.parameters().begin());
  }
}

/// An importance that is estimated at a task's end by `estimate(model, batches)` and merged by `merge(old, new)`.
template <class Estimate, class Merge>
struct AtTheEnd {
  Estimate estimate;
  Merge merge;
  Vec omega{};
  void observe(const Step&) {}
  Vec end(TinyModel& model, const Batches& batches) { return omega = merge(omega, estimate(model, batches)); }
};
template <class Estimate, class Merge>
AtTheEnd(Estimate, Merge) -> AtTheEnd<Estimate, Merge>;

const auto newest = [](const Vec&, const Vec& now) { return now; };
/// a · old + b · new; an Ω not there yet counts as 0.
auto weighted(double a, double b) {
  return [a, b](const Vec& old, const Vec& now) { return plus(a, old, b, now); };
}
/// HW14's: adds all earlier results.
struct Guards {
  std::vector<Vec> all{};
  Vec operator()(const Vec&, Vec now) {
    for (const Vec& guard : all) now = plus(1, now, 1, guard);
    all.push_back(now);
    return now;
  }
};

/// ω = -Σ g Δθ of a task, per parameter.
struct Path {
  bool total = false, late = false;
  Vec start = TinyModel{}.theta, path = Vec(parameters), pending = Vec(parameters), at = start;

  void observe(const Step& step) {
    const Vec g = total ? plus(1, step.gradient, 1, step.penalty_gradient) : step.gradient;
    Vec fall(parameters);
    for (std::size_t i = 0; i < parameters; ++i) fall[i] = -g[i] * (step.after[i] - step.before[i]);
    path = plus(1, path, 1, late ? pending : fall);
    pending = fall;
    at = step.after;
  }
  double move(std::size_t i) const { return at[i] - start[i]; }
  void restart() {
    start = at;
    path.assign(parameters, 0);
    pending.assign(parameters, 0);
  }
};

/// Ω ← merge(Ω, ω / (Δ² + ξ)), published as `publish(Ω_i)`.
template <class Publish, class Merge>
struct Intelligence {
  double xi;
  Path path;
  Merge merge;
  Publish publish;
  Vec omega = Vec(parameters);
  void observe(const Step& step) { path.observe(step); }
  Vec end(TinyModel&, const Batches&) {
    Vec shown(parameters);
    for (std::size_t i = 0; i < parameters; ++i) {
      omega[i] = merge(omega[i], path.path[i] / (path.move(i) * path.move(i) + xi));
      shown[i] = publish(omega[i]);
    }
    path.restart();
    return shown;
  }
};
template <class Publish, class Merge>
Intelligence(double, Path, Merge, Publish) -> Intelligence<Publish, Merge>;

const auto as_it_is = [](double omega) { return omega; };
const auto added = [](double old, double now) { return old + now; };

Vec scaled(const Vec& values, bool from_least) {
  const double least = from_least ? *std::min_element(values.begin(), values.end()) : 0;
  const double most = *std::max_element(values.begin(), values.end());
  Vec result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) result[i] = (values[i] - least) / (most - least);
  return result;
}

}  // namespace

TEST_CASE("avalanche's EWC, SI and MAS follow its code", "[convention]") {
  check(cv::avalanche::ewc(theirs), 1, AtTheEnd{batch_squares, newest});
  check(cv::avalanche::ewc_online(theirs, 0.7), 1, AtTheEnd{batch_squares, weighted(0.7, 1)});
  for (const double eps : {1e-7, 30.0})
    check(cv::avalanche::si(theirs, eps), 0.5,
          Intelligence{eps, Path{.total = true}, added, [](double omega) { return std::min(omega, 0.001); }});
  const auto mas = [](TinyModel& model, const Batches& batches) {
    return mean_of_batches(gradients(model, batches, slope_of_square), absolute);
  };
  const auto from_first = [](const Vec& old, const Vec& now) { return old.empty() ? now : plus(0.6, old, 0.4, now); };
  check(cv::avalanche::mas(theirs, 0.6), 1, AtTheEnd{mas, from_first});
}

TEST_CASE("avalanche's RWalk follows its code", "[convention]") {
  struct Slow {
    Vec fisher, loss = Vec(parameters), score = loss, total, checkpoint = TinyModel{}.theta, at{};
    std::size_t iterations = 0;
    void observe(const Step& step) {
      fisher = fisher.empty() ? square(step.gradient) : plus(0.9, square(step.gradient), 0.1, fisher);
      for (std::size_t i = 0; i < parameters; ++i) loss[i] -= step.gradient[i] * (step.after[i] - step.before[i]);
      at = step.after;
      if (++iterations % 4 != 0) return;
      for (std::size_t i = 0; i < parameters; ++i) {
        const double move = at[i] - checkpoint[i];
        score[i] += loss[i] / (0.5 * fisher[i] * move * move + 1.1920929e-07);
      }
      loss.assign(parameters, 0);
      checkpoint = at;
    }
    Vec end(TinyModel&, const Batches&) {
      total = total.empty() ? score : plus(0.5, total, 0.5, score);
      const double most = *std::max_element(total.begin(), total.end());
      Vec omega = scaled(fisher, false);
      for (std::size_t i = 0; i < parameters; ++i) omega[i] += std::max(total[i], 0.0) / most;
      score.assign(parameters, 0);
      loss.assign(parameters, 0);
      checkpoint = at;
      iterations = 0;  // a new call of train()
      return omega;
    }
  };
  check(cv::avalanche::rwalk(theirs, 0.9, 4), 1, Slow{});
}

TEST_CASE("mammoth's online EWC and SI follow its code", "[convention]") {
  const auto fisher = [](TinyModel& model, const Batches& batches) {
    const auto groups = gradients(model, batches, [](const Vec& f, std::size_t y) {
      return times(std::sqrt(probabilities(f)[y]), score_of_truth(f, y));
    });
    return times(1 / static_cast<double>(batches.size() * batches[0].size), sum_of_squares(groups));
  };
  check(cv::mammoth::ewc_on(theirs, 0.7), 1, AtTheEnd{fisher, weighted(0.7, 1)});
  check(cv::mammoth::si(theirs, 0.05), 1, Intelligence{0.05, Path{}, added, as_it_is});
}

TEST_CASE("gmvdv's EWC and SI follow its code", "[convention]") {
  const auto exact = [](TinyModel& model, const Batches& batches) {
    Vec sum;
    for (std::size_t y = 0; y < model.outputs(); ++y)
      sum = plus(1, sum, 1, sum_of_squares(gradients(model, batches, [y](const Vec& f, std::size_t) {
                   return times(std::sqrt(probabilities(f)[y]), score_of_truth(f, y));
                 })));
    return times(1 / 20.0, sum);  // the last index of 21 samples
  };
  const auto predicted = [](TinyModel& model, const Batches& batches) {
    return times(1 / 20.0, sum_of_squares(gradients(model, batches, score_of_prediction)));
  };
  const auto batched = [](TinyModel& model, const Batches& batches) {
    const double count = static_cast<double>(batches.size());
    return times(count / (count - 1), batch_squares(model, batches));
  };
  check(cv::gmvdv::ewc(theirs), 0.5, AtTheEnd{exact, newest});
  check(cv::gmvdv::ewc(theirs, Labels::predicted), 0.5, AtTheEnd{predicted, newest});
  // γ once in the store and once in the penalty, where `check` has it in no place of its own
  const auto twice = [](double gamma) { return 1 / gamma; };
  const double gamma = 0.7;
  auto online = cv::gmvdv::ewc_online(theirs * twice(gamma), gamma);
  check(online, 0.5, AtTheEnd{exact, weighted(gamma, 1)});
  check(cv::gmvdv::ewc_batched(theirs * twice(gamma), gamma), 0.5, AtTheEnd{batched, weighted(gamma, 1)});
  check(cv::gmvdv::si(theirs), 1, Intelligence{0.1, Path{.total = true}, added, as_it_is});
}

TEST_CASE("gmvdv's gamma stands in the store and in the penalty", "[convention]") {
  const TinyTask task(3);
  const double gamma = 0.5, lambda = 2;
  const auto recipe = cv::gmvdv::ewc_online(lambda, gamma);
  ll::Learner learner{TinyModel{}, recipe.importance, recipe.penalty, ll::optimizer::Sgd{}};
  learner.consolidate(task);
  learner.parameters()[3] += 0.5;
  CHECK_THAT(learner.penalty_value(), test::WithinRel(lambda / 2 * gamma * learner.importance()[3] * 0.25, 1e-12));
}

TEST_CASE("facil's EWC, MAS, path integral and RWalk follow its code", "[convention]") {
  const auto fisher = [](TinyModel& model, const Batches& batches) {
    return mean_by_samples(gradients(model, batches, score_of_prediction), square);
  };
  const auto truth = [](TinyModel& model, const Batches& batches) {
    return mean_by_samples(gradients(model, batches, score_of_truth), square);
  };
  const auto mas = [](TinyModel& model, const Batches& batches) {
    return mean_by_samples(gradients(model, batches, slope_of_length), absolute);
  };
  check(cv::facil::ewc(theirs, 0.6), 0.5, AtTheEnd{fisher, weighted(0.6, 0.4)});
  check(cv::facil::ewc(theirs, 0.6, Labels::empirical), 0.5, AtTheEnd{truth, weighted(0.6, 0.4)});
  check(cv::facil::mas(theirs, 0.6), 0.5, AtTheEnd{mas, weighted(0.6, 0.4)});
  check(cv::facil::path_integral(theirs), 1, Intelligence{0.1, Path{}, added, as_it_is});

  struct Slow {
    decltype(fisher) estimate;
    Path path{};
    Vec f{}, score = Vec(parameters);
    void observe(const Step& step) { path.observe(step); }
    Vec end(TinyModel& model, const Batches& batches) {
      f = plus(0.6, f, 0.4, estimate(model, batches));
      for (std::size_t i = 0; i < parameters; ++i) {
        const double now = path.path[i] / (f[i] * path.move(i) * path.move(i) + 0.1);
        score[i] = (score[i] + std::max(now, 0.0)) / 2;
      }
      path.restart();
      return plus(1, f, 1, score);
    }
  };
  check(cv::facil::rwalk(theirs, 0.6), 1, Slow{fisher});
}

TEST_CASE("facil's importances leave out the heads", "[convention]") {
  const auto network = test::any_mlp<double>({4, 5, 3}, {.seed = 3});
  const auto recipe = cv::facil::ewc();
  ll::Learner learner{network, recipe.importance, recipe.penalty, ll::optimizer::Sgd{}};
  learner.restrict_importance(recipe.scope);
  learner.consolidate(TinyTask(2));
  for (const ll::Block& block : network.layout().blocks()) {
    double sum = 0;
    for (std::size_t i = block.offset; i < block.offset + block.size; ++i) sum += learner.importance()[i];
    CHECK((sum > 0) == !block.head);
  }
}

TEST_CASE("pathint's SI and Fisher follow its code", "[convention]") {
  const auto relu = [](double value) { return std::max(value, 0.0); };
  check(cv::pathint::si(theirs), 1,
        Intelligence{0.1, Path{}, [&](double old, double now) { return relu(old + now); }, as_it_is});
  check(
      cv::pathint::si_decayed(theirs, 0.05, 0.8), 1,
      Intelligence{0.05, Path{}, [&](double old, double now) { return relu(0.8 * old + (1 - 0.8) * now); }, as_it_is});
  const auto fisher = [](TinyModel& model, const Batches& batches) {
    Vec sum;
    for (std::size_t y = 0; y < model.outputs(); ++y)
      sum = plus(
          1, sum, 1,
          sum_of_squares(gradients(model, batches, [y](const Vec& f, std::size_t) { return score_of_truth(f, y); })));
    return times(1 / 21.0, sum);
  };
  check(cv::pathint::ewc(theirs), 1, AtTheEnd{fisher, weighted(1, 1)});
  check(cv::pathint::ewc_decayed(theirs, 0.8), 1, AtTheEnd{fisher, weighted(0.8, 1 - 0.8)});
}

TEST_CASE("agem's EWC and RWalk follow its code", "[convention]") {
  struct Slow {
    bool walks;
    Vec running = Vec(parameters), tmp = running, omega = running, riemann = running, score = running;
    Vec old_weights = TinyModel{}.theta, at{};
    std::size_t iteration = 0, task = 0;
    void observe(const Step& step) {
      if ((iteration + 1) % 4 == 0) {
        for (std::size_t i = 0; i < parameters; ++i) {
          const double move = step.before[i] - old_weights[i];
          riemann[i] += std::max(omega[i] / (1e-3 + running[i] * move * move), 0.0);
        }
        running = plus(0.1, running, 0.9 / 4, tmp);
        tmp.assign(parameters, 0);
        omega.assign(parameters, 0);
        old_weights = step.before;
      }
      tmp = plus(1, tmp, 1, square(step.gradient));
      for (std::size_t i = 0; i < parameters; ++i) omega[i] -= step.gradient[i] * (step.after[i] - step.before[i]);
      at = step.after;
      ++iteration;
    }
    Vec end(TinyModel&, const Batches&) {
      if (task++ == 0) riemann = times(2, riemann);
      score = plus(1.5, score, 0.5, riemann);  // assign_add of (score + riemann) / 2
      for (Vec* reset : {&tmp, &omega, &riemann}) reset->assign(parameters, 0);
      old_weights = at;
      iteration = 0;
      return walks ? plus(1, scaled(running, true), 1, scaled(score, true)) : scaled(running, true);
    }
  };
  check(cv::agem::ewc(theirs, 0.9, 4), 1, Slow{false});
  check(cv::agem::rwalk(theirs, 0.9, 4), 1, Slow{true});
}

TEST_CASE("agem's PI and MAS follow its code", "[convention]") {
  check(cv::agem::si(theirs), 1,
        Intelligence{1e-3, Path{}, [](double old, double now) { return old + std::max(now, 0.0); }, as_it_is});
  const auto mas = [](TinyModel& model, const Batches& batches) {
    Vec sum;
    for (const Group& group : gradients(model, batches, slope_of_square))
      sum = plus(1, sum, 1, absolute(times(static_cast<double>(group.size()), mean(group))));
    return times(1 / 21.0, sum);
  };
  check(cv::agem::mas(theirs), 1, AtTheEnd{mas, newest});
}

TEST_CASE("gem's EWC follows its code", "[convention]") {
  for (const std::size_t memories : {std::size_t{1}, std::size_t{10}, std::size_t{100}}) {
    const auto fisher = [memories](TinyModel& model, const Batches& batches) {
      Group first;
      for (const Group& group : gradients(model, batches, score_of_truth))
        for (const Vec& g : group)
          if (first.size() < memories) first.push_back(g);
      return square(mean(first));
    };
    check(cv::gem::ewc(theirs, memories), 1, AtTheEnd{fisher, newest});
  }
}

TEST_CASE("hw14's EWC, MAS, SI and RWalk follow its code", "[convention]") {
  check(cv::hw14::ewc(theirs), 1, AtTheEnd{batch_squares, Guards{}});
  const auto mas = [](TinyModel& model, const Batches& batches) {
    return mean_of_batches(gradients(model, batches, slope_of_square), absolute);
  };
  check(cv::hw14::mas(theirs), 1, AtTheEnd{mas, Guards{}});
  check(cv::hw14::si(theirs), 1, Intelligence{0.1, Path{.total = true, .late = true}, added, as_it_is});

  struct Slow {
    Path path{.total = true, .late = true};
    std::vector<Vec> guards{};
    Vec score = Vec(parameters);
    void observe(const Step& step) { path.observe(step); }
    Vec end(TinyModel& model, const Batches& batches) {
      Vec f;
      for (const Vec& guard : guards) f = plus(1, f, 1, guard);
      f = plus(1 - 0.4, f, 0.4, batch_squares(model, batches));
      guards.push_back(f);
      for (std::size_t i = 0; i < parameters; ++i)
        score[i] = 0.5 * score[i] + 0.5 * path.path[i] / (0.5 * f[i] * path.move(i) * path.move(i) + 0.1);
      path.restart();
      return plus(1, f, 1, score);
    }
  };
  check(cv::hw14::rwalk(theirs), 1, Slow{});
}

TEST_CASE("hw14's SCP squares the mean of its slices", "[convention]") {
  const auto scp = [](TinyModel& model, const Batches& batches) {
    Group values;
    for (std::size_t b = 0; b < batches.size(); ++b) {
      Vec direction(model.outputs());
      for (std::size_t l = 0; l < 5; ++l) {
        Vec xi;
        for (std::size_t c = 0; c < direction.size(); ++c)
          xi.push_back(ll::Random(0, ll::Purpose::slices, static_cast<std::uint32_t>(b)).normal(l * 3 + c));
        direction = plus(1, direction, 1 / length(xi) / 5, xi);
      }
      values.push_back(
          square(mean(gradients(model, {batches[b]}, [&](const Vec&, std::size_t) { return direction; })[0])));
    }
    return mean(values);
  };
  check(cv::hw14::scp(theirs, 5), 1, AtTheEnd{scp, Guards{}});
}

TEST_CASE("a mean over less than one is refused", "[convention][errors]") {
  const TinyTask one(3, 1);
  const auto fails = [&](const auto& recipe) {
    ll::Learner learner{TinyModel{}, recipe.importance, recipe.penalty, ll::optimizer::Sgd{}};
    return test::message_of<ll::InvalidArgument>([&] { learner.consolidate(one); });
  };
  CHECK(fails(cv::gmvdv::ewc(1)) == "Miscounted: the mean of a single sample would be divided by 0");
  CHECK(fails(cv::gmvdv::ewc_batched(1, 0.5)) == "Miscounted: the mean of a single batch would be divided by 0");
  CHECK_THROWS_AS((cv::agem::WindowFisher{.interval = 0}.validate()), ll::InvalidArgument);
  CHECK_THROWS_AS((cv::agem::WindowFisher{.alpha = 2}.validate()), ll::InvalidArgument);
  CHECK_THROWS_AS((cv::agem::WindowWalk{.epsilon = 0}.validate()), ll::InvalidArgument);
  CHECK_THROWS_AS((cv::avalanche::CappedIntelligence{.ceiling = 0}.validate()), ll::InvalidArgument);
  CHECK_THROWS_AS((cv::TaskWalk{.epsilon = 0}.validate()), ll::InvalidArgument);
  CHECK_THROWS_AS((cv::TaskWalk{.keep = -1}.validate()), ll::InvalidArgument);
  CHECK_THROWS_AS((cv::gem::MemoryFisher{.memories = 0}.validate()), ll::InvalidArgument);
  CHECK_THROWS_AS((cv::hw14::AveragedSliceScp{.slices = 0}.validate()), ll::InvalidArgument);
}

namespace {

/// The penalty of a learner that has ended one task and then moved by a fixed amount.
template <class Importance>
double penalty_after(const Importance& importance, const ll::penalty::Quadratic& penalty, const TinyTask& task,
                     std::size_t batch_size) {
  ll::Learner learner{TinyModel{}, importance, penalty, ll::optimizer::Sgd{}};
  learner.consolidate(task, {.batch_size = batch_size});
  for (std::size_t i = 0; i < parameters; ++i) learner.parameters()[i] += 0.1;
  return learner.penalty_value();
}

}  // namespace

TEST_CASE("strengths convert exactly between factors, and between means and sums", "[convention]") {
  const TinyTask task(4, 20);
  const double ours = cv::convert_strength(theirs, cv::pathint::ewc_convention, cv::own_squares, 8);
  CHECK(ours == 2 * theirs);
  const auto recipe = cv::pathint::ewc(theirs);
  CHECK_THAT(
      penalty_after(recipe.importance, recipe.penalty, task, 8),
      test::WithinRel(penalty_after(ll::importance::Fisher{.labels = Labels::unweighted}, {.strength = ours}, task, 8),
                      1e-14));
  cv::Convention sums = cv::own_squares;
  sums.total = cv::Total::sum;
  CHECK(cv::convert_strength(1, cv::own_squares, sums, 8, 20) == 1 / 20.0);
  CHECK(cv::convert_strength(cv::convert_strength(3, sums, cv::avalanche::ewc_convention, 8, 20),
                             cv::avalanche::ewc_convention, sums, 8, 20) == 3);
  CHECK(cv::convert_strength(1, cv::pathint::si_convention, cv::own_path, 256) == 2);
  CHECK(cv::convert_strength(1, cv::avalanche::rwalk_convention, cv::agem::rwalk_convention, 256) == 1);
}

TEST_CASE("strengths convert between single samples and batches as their squares do", "[convention]") {
  const std::size_t batch = 16, samples = 16384;
  const TinyTask task(4, samples);
  // labels drawn from the model: the mean of the gradients is 0
  const ll::importance::Fisher single{.labels = Labels::sampled};
  const ll::importance::BatchFisher batched{.labels = Labels::sampled};
  const double exact = penalty_after(single, {.strength = 1}, task, batch);
  const double converted =
      cv::convert_strength(1, cv::own_squares, cv::avalanche::ewc_convention, batch, samples);  // their λ
  CHECK(converted == batch / 2.0);
  CHECK_THAT(penalty_after(batched, cv::penalty_of(cv::avalanche::ewc_convention, converted), task, batch) / exact,
             test::WithinAbs(1, 0.1));

  cv::Convention sums = cv::avalanche::ewc_convention;
  sums.group = cv::Group::batch_sum;
  CHECK(cv::convert_strength(1, sums, cv::avalanche::ewc_convention, batch) == batch * batch);
  CHECK(cv::convert_strength(1, cv::own_squares, cv::gem::ewc_convention, batch, 10) == 5);
  CHECK_THAT(cv::convert_strength(1, cv::own_absolutes, cv::avalanche::mas_convention, batch),
             test::WithinRel(2.0, 1e-14));
}

TEST_CASE("strengths without a common scale are refused", "[convention][errors]") {
  using test::message_of;
  const auto convert = [](const auto& from, const auto& to, std::size_t batch, std::size_t samples = 0) {
    return [=] { (void)cv::convert_strength(1, from, to, batch, samples); };
  };
  CHECK(message_of<ll::InvalidArgument>(convert(cv::agem::ewc_convention, cv::own_squares, 8)) ==
        "convert_strength: the importances of agem EWC and lifelong squares have no common scale");
  CHECK_THROWS_AS(convert(cv::own_squares, cv::own_absolutes, 8)(), ll::InvalidArgument);
  CHECK(message_of<ll::InvalidArgument>(convert(cv::gem::ewc_convention, cv::own_squares, 8)) ==
        "convert_strength: gem ewc depends on the number of samples, which is not given");
  CHECK(message_of<ll::InvalidArgument>(convert(cv::own_squares, cv::own_squares, 0)) ==
        "convert_strength: batch_size must be a finite number of at least 1, but is 0");
}

TEST_CASE("a convention names itself in a line", "[convention]") {
  CHECK(cv::avalanche::ewc_convention.text() ==
        "avalanche ewc: squares of batch means, mean, labels true, gradient of the task's loss, evaluation, merge an "
        "anchor per task, or decay * old + new, penalty factor 1; avalanche/training/plugins/ewc.py, eb075be3");
  CHECK(cv::hw14::scp(1, 7).importance.recipe() ==
        "Guarded(AveragedSliceScp(slices 7, seed 0, square of a batch's mean along the mean direction, merge sum), "
        "merge last)");
}

}  // namespace convention_test
