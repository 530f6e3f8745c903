#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Proves that structure.sh can fail: in a copy of the sources with one bad file it names that file and what is wrong.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$here/../..

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for folder in include tests benchmarks examples cmake scripts .ci; do
  mkdir "$copy/$folder"
done
cp -r "$root/include/lifelong" "$copy/include"

status=0
licence="// SPDX-License-Identifier: MIT"

# What structure.sh says about a file with the text on standard input.
findings_of() {
  mkdir -p "$(dirname "$copy/$1")"
  cat >"$copy/$1"
  "$here/structure.sh" "$copy" | grep "^$1:" || true
  rm "$copy/$1"
}

# finds FILE TEXT: the file on standard input is named, with this text.
finds() {
  local said
  said=$(findings_of "$1")
  [[ $said == *"$2"* ]] && return
  echo "A bad $1 was not found: it should have been said that it ... $2${said:+, but it was said: $said}" >&2
  status=1
}

# accepts FILE: nothing is said of the file on standard input.
accepts() {
  local said
  said=$(findings_of "$1")
  [[ -z $said ]] && return
  echo "A good $1 was not accepted: $said" >&2
  status=1
}

including() { printf '%s\n#pragma once\n  # include <%s>\n' "$licence" "$1"; }
long() { awk -v licence="$licence" -v lines="$1" 'BEGIN { print licence; while (++n < lines) print "" }'; }

# A class of $1 public members, with all that does not count.
wide() {
  cat <<TEXT
$licence
namespace lifelong {
template <class T, class U = decltype(T{})>
requires(sizeof(T) > 1) class Wide final : public T {
  void hidden();
  static constexpr bool known = requires(T x) { x.go(); };

 public:
  using value = T;
  explicit Wide(int a) : a_{a}, b_(a) {}
  explicit Wide(double a) noexcept(noexcept(T(a))) : a_{static_cast<int>(a)} { if (a > 0) { b_ = f(0); } }
  // int in_comment();
  static constexpr auto data = [] { return f(1); }();
  int more_data = f(2), and_more{3};
  void same(int) const requires(known) { f({4}); g("{"); }
  void same(double x = {});
  template <class V>
  requires requires(V v) { v.go(); } [[nodiscard]] auto nested(V v) -> int;
  struct Inner {
    int one();
    int two();
  };
  enum class Kind { a, b };
  friend bool operator==(const Wide&, const Wide&) = default;
  template <class V>
  friend void friendly(V);
  T& operator[](int i) { return a_[i]; }
$(for ((i = 7; i < $1; ++i)); do echo "  int member$i() const;"; done)

 private:
  int a_, b_;
  void hidden_too();
};
}
TEXT
}

finds include/lifelong/core/bad.hpp "includes <lifelong/learner.hpp>, but room learner is not below room core" \
  < <(including lifelong/learner.hpp)
finds include/lifelong/optimizer/bad.hpp "room importance is not below room optimizer" \
  < <(including lifelong/importance/mas.hpp)
finds include/lifelong/adapter/bad.hpp "includes <lifelong/nn.hpp>, which is for users only" < <(including lifelong/nn.hpp)
finds include/lifelong/attic/bad.hpp "is in no room" < <(including lifelong/config.hpp)
accepts include/lifelong/adapter/good.hpp < <(including lifelong/learner/state.hpp)
accepts include/lifelong/torch.hpp < <(including lifelong/adapter/torch/model.hpp)

finds include/lifelong/bad.hpp "includes <lifelong/cuda.cuh>, which no host compiler reads" < <(including lifelong/cuda.cuh)
finds include/lifelong/learners.hpp "which no host compiler reads" < <(including lifelong/cuda/array.cuh)
finds include/lifelong/cuda/bad.cuh "includes <lifelong/cuda.cuh>, which is for users only" < <(including lifelong/cuda.cuh)
finds include/lifelong/nn/bad.cuh "room cuda is not below room nn" < <(including lifelong/cuda/array.cuh)
accepts include/lifelong/cuda/good.cuh < <(including lifelong/adapter/torch/model.hpp)

finds include/lifelong/core/bad.hpp "has 400 lines" < <(long 400)
accepts include/lifelong/core/good.hpp < <(long 399)

finds include/lifelong/core/bad.hpp "class Wide has 25 public members" < <(wide 25)
accepts include/lifelong/core/good.hpp < <(wide 24)

finds include/lifelong/core/bad.hpp "includes <Eigen/Core>, which belongs to nn/* adapter/eigen.hpp" < <(including Eigen/Core)
finds include/lifelong/adapter/bad.hpp "includes <torch/nn.h>" < <(including torch/nn.h)
finds include/lifelong/nn/bad.hpp "includes <xtensor/xadapt.hpp>" < <(including xtensor/xadapt.hpp)
finds include/lifelong/backend/bad.hpp "includes <omp.h>" < <(including omp.h)
finds include/lifelong/io/bad.hpp "includes <zlib.h>" < <(including zlib.h)
finds include/lifelong/nn/bad.hpp "includes <cblas.h>" < <(including cblas.h)
finds include/lifelong/backend/bad.hpp "includes <cuda_runtime_api.h>, which belongs to cuda/*" < <(including cuda_runtime_api.h)
finds include/lifelong/nn/bad.hpp "includes <cub/cub.cuh>" < <(including cub/cub.cuh)
finds include/lifelong/core/bad.hpp "includes <boost/any.hpp>, which is neither" < <(including boost/any.hpp)
accepts include/lifelong/nn/good.hpp < <(including Eigen/Dense)
accepts include/lifelong/core/good.hpp < <(including type_traits)

finds include/lifelong/core/bad.hpp "lacks the line SPDX-License-Identifier" <<<"#pragma once"
finds scripts/bad.sh "lacks the line SPDX-License-Identifier" <<<"#!/usr/bin/env bash"
finds tests/core/bad_test.cpp "lacks the line SPDX-License-Identifier" <<<"int x;"
accepts scripts/good.sh < <(printf '#!/bin/sh\n# SPDX-License-Identifier: MIT\n')

exit $status
