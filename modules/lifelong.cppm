// SPDX-License-Identifier: MIT
// The core as a C++20 module: `import lifelong;`. Made by scripts/modules.py.
module;
#include <lifelong/analytic.hpp>
#include <lifelong/conventions.hpp>
#include <lifelong/learners.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/rehearsal.hpp>
export module lifelong;

export namespace lifelong {
using lifelong::AccuracyMatrix;
using lifelong::AlignedVector;
using lifelong::AnchoredPenalty;
using lifelong::ArrayOf;
using lifelong::Batch;
using lifelong::BatchBuffer;
using lifelong::BatchLoader;
using lifelong::Bfloat16;
using lifelong::Block;
using lifelong::BlockKind;
using lifelong::CachedExamples;
using lifelong::Clock;
using lifelong::Compact;
using lifelong::Compactable;
using lifelong::ConsolidateOptions;
using lifelong::Criterion;
using lifelong::CriterionModel;
using lifelong::Dataset;
using lifelong::DeviceBackend;
using lifelong::DifferentiableModel;
using lifelong::ElementwisePenalty;
using lifelong::EnqueuedSteps;
using lifelong::Error;
using lifelong::ExampleRow;
using lifelong::ExampleSource;
using lifelong::Examples;
using lifelong::ExecutionBackend;
using lifelong::FeatureMap;
using lifelong::FileError;
using lifelong::FitOptions;
using lifelong::FitProgress;
using lifelong::FitResult;
using lifelong::FitSignal;
using lifelong::FormatError;
using lifelong::FreezableModel;
using lifelong::GrowingModel;
using lifelong::ImplicitPenalty;
using lifelong::ImportancePolicy;
using lifelong::InvalidArgument;
using lifelong::Joined;
using lifelong::KeepAlive;
using lifelong::LastBatch;
using lifelong::Layout;
using lifelong::Learner;
using lifelong::LearnerParts;
using lifelong::LearnerState;
using lifelong::LearningCurves;
using lifelong::Loop;
using lifelong::MemoryLimit;
using lifelong::Metric;
using lifelong::MomentModel;
using lifelong::NamedModel;
using lifelong::NumericError;
using lifelong::OptimizerPolicy;
using lifelong::OptimizerState;
using lifelong::OutOfMemory;
using lifelong::OutputFunctional;
using lifelong::OutputRange;
using lifelong::OwnLoss;
using lifelong::Packet;
using lifelong::ParameterModel;
using lifelong::ParameterRange;
using lifelong::PathImportance;
using lifelong::PenaltyPolicy;
using lifelong::PolicyState;
using lifelong::PredictiveModel;
using lifelong::PresentSamples;
using lifelong::PullbackModel;
using lifelong::Purpose;
using lifelong::Random;
using lifelong::RecentExamples;
using lifelong::RehearsalPolicy;
using lifelong::SampleContext;
using lifelong::ScalarOf;
using lifelong::Scenario;
using lifelong::Scope;
using lifelong::ShapeMismatch;
using lifelong::Shared;
using lifelong::ShiftOptions;
using lifelong::ShiftedCopies;
using lifelong::SplitData;
using lifelong::StepResult;
using lifelong::Stepper;
using lifelong::Stream;
using lifelong::StructuredPenalty;
using lifelong::Task;
using lifelong::Traffic;
using lifelong::Trainer;
using lifelong::WeighingModel;
using lifelong::WeightedExamples;
using lifelong::abs;
using lifelong::accuracy;
using lifelong::add_share;
using lifelong::argmax;
using lifelong::chunk_count;
using lifelong::chunk_size;
using lifelong::class_weights;
using lifelong::clear_inactive;
using lifelong::clip_norm;
using lifelong::clip_values;
using lifelong::compact;
using lifelong::elementwise;
using lifelong::elementwise_maximum;
using lifelong::endless;
using lifelong::evaluate;
using lifelong::exceeds;
using lifelong::gdumb;
using lifelong::ignore_label;
using lifelong::ignored_label;
using lifelong::lane_count;
using lifelong::load;
using lifelong::max;
using lifelong::min;
using lifelong::multiply_add;
using lifelong::norm;
using lifelong::predict;
using lifelong::softmax;
using lifelong::sqrt;
using lifelong::store;
using lifelong::sum;
using lifelong::transpose;
using lifelong::weighted;
using lifelong::where_positive;
}  // namespace lifelong

export namespace lifelong::analytic {
using lifelong::analytic::Identity;
using lifelong::analytic::RandomFeatures;
using lifelong::analytic::RandomFilters;
using lifelong::analytic::RandomFiltersOptions;
using lifelong::analytic::Ridge;
using lifelong::analytic::RidgeOptions;
using lifelong::analytic::Slda;
using lifelong::analytic::SldaOptions;
using lifelong::analytic::Trunk;
using lifelong::analytic::choose_strength;
using lifelong::analytic::relative_strengths;
}  // namespace lifelong::analytic

export namespace lifelong::backend {
using lifelong::backend::Serial;
}  // namespace lifelong::backend

export namespace lifelong::convention {
using lifelong::convention::Convention;
using lifelong::convention::Divisor;
using lifelong::convention::Group;
using lifelong::convention::Miscounted;
using lifelong::convention::Recipe;
using lifelong::convention::Statistic;
using lifelong::convention::TaskWalk;
using lifelong::convention::Total;
using lifelong::convention::convert_strength;
using lifelong::convention::own_absolutes;
using lifelong::convention::own_path;
using lifelong::convention::own_squares;
using lifelong::convention::penalty_of;
using lifelong::convention::typical_size;
}  // namespace lifelong::convention

export namespace lifelong::convention::agem {
using lifelong::convention::agem::WindowFisher;
using lifelong::convention::agem::WindowWalk;
using lifelong::convention::agem::ewc;
using lifelong::convention::agem::ewc_convention;
using lifelong::convention::agem::mas;
using lifelong::convention::agem::mas_convention;
using lifelong::convention::agem::rwalk;
using lifelong::convention::agem::rwalk_convention;
using lifelong::convention::agem::si;
using lifelong::convention::agem::si_convention;
}  // namespace lifelong::convention::agem

export namespace lifelong::convention::avalanche {
using lifelong::convention::avalanche::CappedIntelligence;
using lifelong::convention::avalanche::SignedWalk;
using lifelong::convention::avalanche::ewc;
using lifelong::convention::avalanche::ewc_convention;
using lifelong::convention::avalanche::ewc_online;
using lifelong::convention::avalanche::mas;
using lifelong::convention::avalanche::mas_convention;
using lifelong::convention::avalanche::rwalk;
using lifelong::convention::avalanche::rwalk_convention;
using lifelong::convention::avalanche::si;
using lifelong::convention::avalanche::si_convention;
}  // namespace lifelong::convention::avalanche

export namespace lifelong::convention::facil {
using lifelong::convention::facil::ewc;
using lifelong::convention::facil::ewc_convention;
using lifelong::convention::facil::mas;
using lifelong::convention::facil::mas_convention;
using lifelong::convention::facil::path_integral;
using lifelong::convention::facil::path_integral_convention;
using lifelong::convention::facil::rwalk;
using lifelong::convention::facil::rwalk_convention;
}  // namespace lifelong::convention::facil

export namespace lifelong::convention::gem {
using lifelong::convention::gem::MemoryFisher;
using lifelong::convention::gem::ewc;
using lifelong::convention::gem::ewc_convention;
}  // namespace lifelong::convention::gem

export namespace lifelong::convention::gmvdv {
using lifelong::convention::gmvdv::ewc;
using lifelong::convention::gmvdv::ewc_batched;
using lifelong::convention::gmvdv::ewc_batched_convention;
using lifelong::convention::gmvdv::ewc_convention;
using lifelong::convention::gmvdv::ewc_online;
using lifelong::convention::gmvdv::si;
using lifelong::convention::gmvdv::si_convention;
}  // namespace lifelong::convention::gmvdv

export namespace lifelong::convention::hw14 {
using lifelong::convention::hw14::AveragedSliceScp;
using lifelong::convention::hw14::Guarded;
using lifelong::convention::hw14::LateIntelligence;
using lifelong::convention::hw14::ewc;
using lifelong::convention::hw14::ewc_convention;
using lifelong::convention::hw14::mas;
using lifelong::convention::hw14::mas_convention;
using lifelong::convention::hw14::rwalk;
using lifelong::convention::hw14::rwalk_convention;
using lifelong::convention::hw14::scp;
using lifelong::convention::hw14::scp_convention;
using lifelong::convention::hw14::si;
using lifelong::convention::hw14::si_convention;
}  // namespace lifelong::convention::hw14

export namespace lifelong::convention::mammoth {
using lifelong::convention::mammoth::ewc_convention;
using lifelong::convention::mammoth::ewc_on;
using lifelong::convention::mammoth::si;
using lifelong::convention::mammoth::si_convention;
}  // namespace lifelong::convention::mammoth

export namespace lifelong::convention::pathint {
using lifelong::convention::pathint::ewc;
using lifelong::convention::pathint::ewc_convention;
using lifelong::convention::pathint::ewc_decayed;
using lifelong::convention::pathint::si;
using lifelong::convention::pathint::si_convention;
using lifelong::convention::pathint::si_decayed;
}  // namespace lifelong::convention::pathint

export namespace lifelong::importance {
using lifelong::importance::Affine;
using lifelong::importance::BatchFisher;
using lifelong::importance::BatchFisherInformation;
using lifelong::importance::BatchMas;
using lifelong::importance::BatchScale;
using lifelong::importance::Bernoulli;
using lifelong::importance::BernoulliFisher;
using lifelong::importance::Categorical;
using lifelong::importance::CategoricalBatchFisher;
using lifelong::importance::CategoricalFisher;
using lifelong::importance::Ceiling;
using lifelong::importance::Clamp;
using lifelong::importance::Constant;
using lifelong::importance::Curvature;
using lifelong::importance::CurvedLoss;
using lifelong::importance::Distance;
using lifelong::importance::Draw;
using lifelong::importance::Estimation;
using lifelong::importance::Fisher;
using lifelong::importance::FisherInformation;
using lifelong::importance::GaussNewton;
using lifelong::importance::Gaussian;
using lifelong::importance::GaussianBatchFisher;
using lifelong::importance::GaussianFisher;
using lifelong::importance::IntervalRWalk;
using lifelong::importance::Labels;
using lifelong::importance::Likelihood;
using lifelong::importance::LocalMas;
using lifelong::importance::LogLikelihood;
using lifelong::importance::LogLikelihoodOf;
using lifelong::importance::Mas;
using lifelong::importance::MasNorm;
using lifelong::importance::Merge;
using lifelong::importance::MergeWeights;
using lifelong::importance::MergedScore;
using lifelong::importance::ModelLikelihood;
using lifelong::importance::Negative;
using lifelong::importance::Normalize;
using lifelong::importance::Normalized;
using lifelong::importance::OutputGradients;
using lifelong::importance::OutputNorm;
using lifelong::importance::PathGradient;
using lifelong::importance::RWalk;
using lifelong::importance::ReversedCrossEntropy;
using lifelong::importance::ReversedFisher;
using lifelong::importance::Scp;
using lifelong::importance::ScpLimit;
using lifelong::importance::Slice;
using lifelong::importance::SquaredNorm;
using lifelong::importance::SynapticIntelligence;
using lifelong::importance::Values;
using lifelong::importance::WeightedSum;
using lifelong::importance::accumulate_moment;
using lifelong::importance::add_batch_moment;
using lifelong::importance::estimate;
using lifelong::importance::evaluation_gradient;
using lifelong::importance::finish_batch_moments;
using lifelong::importance::name_of;
using lifelong::importance::outputs_of;
using lifelong::importance::require_ceiling;
using lifelong::importance::scale_of;
}  // namespace lifelong::importance

export namespace lifelong::learners {
using lifelong::learners::DiagonalLaplace;
using lifelong::learners::Ewc;
using lifelong::learners::EwcSi;
using lifelong::learners::FineTuning;
using lifelong::learners::GaussianEwc;
using lifelong::learners::HuberEwc;
using lifelong::learners::ImplicitEwc;
using lifelong::learners::IntervalRWalk;
using lifelong::learners::L2Sp;
using lifelong::learners::LocalMas;
using lifelong::learners::Mas;
using lifelong::learners::OnlineEwc;
using lifelong::learners::RWalk;
using lifelong::learners::ReversedEwc;
using lifelong::learners::Scp;
using lifelong::learners::ScpLimit;
using lifelong::learners::Si;
}  // namespace lifelong::learners

export namespace lifelong::metric {
using lifelong::metric::Accuracy;
using lifelong::metric::BinaryAccuracy;
using lifelong::metric::CalibrationError;
using lifelong::metric::Loss;
using lifelong::metric::MeanSquaredError;
using lifelong::metric::RSquared;
}  // namespace lifelong::metric

export namespace lifelong::moment {
using lifelong::moment::Absolute;
using lifelong::moment::Square;
using lifelong::moment::Sum;
}  // namespace lifelong::moment

export namespace lifelong::observer {
using lifelong::observer::All;
using lifelong::observer::EarlyStopping;
using lifelong::observer::EarlyStoppingOptions;
using lifelong::observer::TrainingLoss;
using lifelong::observer::all;
}  // namespace lifelong::observer

export namespace lifelong::optimizer {
using lifelong::optimizer::Adam;
using lifelong::optimizer::AdamW;
using lifelong::optimizer::Decay;
using lifelong::optimizer::Decoupled;
using lifelong::optimizer::L2;
using lifelong::optimizer::Momentum;
using lifelong::optimizer::Schedule;
using lifelong::optimizer::Sgd;
}  // namespace lifelong::optimizer

export namespace lifelong::penalty {
using lifelong::penalty::Absorption;
using lifelong::penalty::Anchor;
using lifelong::penalty::AnchoredArrays;
using lifelong::penalty::Frozen;
using lifelong::penalty::Huber;
using lifelong::penalty::ImplicitQuadratic;
using lifelong::penalty::L1;
using lifelong::penalty::None;
using lifelong::penalty::Nothing;
using lifelong::penalty::PackNet;
using lifelong::penalty::Quadratic;
using lifelong::penalty::Term;
using lifelong::penalty::apply_mask;
using lifelong::penalty::copy_owners;
using lifelong::penalty::equal_share;
using lifelong::penalty::free_share;
using lifelong::penalty::freeze;
using lifelong::penalty::most_owners;
using lifelong::penalty::prune;
using lifelong::penalty::task_mask;
}  // namespace lifelong::penalty

export namespace lifelong::rehearsal {
using lifelong::rehearsal::AGem;
using lifelong::rehearsal::AGemFrom;
using lifelong::rehearsal::Arrival;
using lifelong::rehearsal::BalancedReplay;
using lifelong::rehearsal::BalancedReservoir;
using lifelong::rehearsal::BalancedSelection;
using lifelong::rehearsal::ByTask;
using lifelong::rehearsal::ClassCounts;
using lifelong::rehearsal::CriterionPass;
using lifelong::rehearsal::Der;
using lifelong::rehearsal::DerFrom;
using lifelong::rehearsal::DerPlusPlus;
using lifelong::rehearsal::DerPlusPlusFrom;
using lifelong::rehearsal::Distillation;
using lifelong::rehearsal::Draw;
using lifelong::rehearsal::EpisodicMemory;
using lifelong::rehearsal::ExampleShape;
using lifelong::rehearsal::Exemplars;
using lifelong::rehearsal::FeatureModel;
using lifelong::rehearsal::FeaturesOf;
using lifelong::rehearsal::Gem;
using lifelong::rehearsal::GemFrom;
using lifelong::rehearsal::GradientArithmetic;
using lifelong::rehearsal::GreedyBalanced;
using lifelong::rehearsal::GreedySelection;
using lifelong::rehearsal::Herding;
using lifelong::rehearsal::ICarl;
using lifelong::rehearsal::ICarlOf;
using lifelong::rehearsal::JoinedBatch;
using lifelong::rehearsal::LastOfTask;
using lifelong::rehearsal::Memory;
using lifelong::rehearsal::MemoryOptions;
using lifelong::rehearsal::NearestMean;
using lifelong::rehearsal::NewOutputs;
using lifelong::rehearsal::None;
using lifelong::rehearsal::Nothing;
using lifelong::rehearsal::OwnType;
using lifelong::rehearsal::QuadraticProgram;
using lifelong::rehearsal::Replay;
using lifelong::rehearsal::ReplayFrom;
using lifelong::rehearsal::Reservoir;
using lifelong::rehearsal::RingAGem;
using lifelong::rehearsal::RingReplay;
using lifelong::rehearsal::Selection;
using lifelong::rehearsal::StoredExamples;
using lifelong::rehearsal::TaskGradients;
using lifelong::rehearsal::TaskRing;
using lifelong::rehearsal::Teacher;
using lifelong::rehearsal::UniformSelection;
using lifelong::rehearsal::memory_gradient;
using lifelong::rehearsal::nearest_mean_of;
using lifelong::rehearsal::project;
using lifelong::rehearsal::share_of_class;
}  // namespace lifelong::rehearsal

export namespace lifelong::stream {
using lifelong::stream::PermutedOptions;
using lifelong::stream::RotatedOptions;
using lifelong::stream::SplitOptions;
using lifelong::stream::divided;
using lifelong::stream::divided_by_bounds;
using lifelong::stream::divided_by_ranges;
using lifelong::stream::divided_by_values;
using lifelong::stream::permuted;
using lifelong::stream::rotated;
using lifelong::stream::split;
}  // namespace lifelong::stream

export namespace lifelong::trigger {
using lifelong::trigger::EverySteps;
using lifelong::trigger::LossDrift;
using lifelong::trigger::LossPlateau;
}  // namespace lifelong::trigger
