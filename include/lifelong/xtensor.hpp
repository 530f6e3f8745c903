// Everything that needs xtensor.
#pragma once

#include <lifelong/xtensor/adapt.hpp>
