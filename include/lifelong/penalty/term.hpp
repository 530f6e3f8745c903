// What a penalty says of one parameter.
#pragma once

namespace lifelong::penalty {

/// The penalty's value and its derivative with respect to θ_i.
template <class V>
struct Term {
  V value;
  V gradient;
};

}  // namespace lifelong::penalty
