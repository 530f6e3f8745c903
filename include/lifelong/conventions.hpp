// SPDX-License-Identifier: MIT
// The conventions of other codebases, as data and as presets.
#pragma once

#include <lifelong/convention/agem.hpp>
#include <lifelong/convention/avalanche.hpp>
#include <lifelong/convention/convention.hpp>
#include <lifelong/convention/facil.hpp>
#include <lifelong/convention/gem.hpp>
#include <lifelong/convention/gmvdv.hpp>
#include <lifelong/convention/hw14.hpp>
#include <lifelong/convention/mammoth.hpp>
#include <lifelong/convention/pathint.hpp>
