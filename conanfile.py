# Conan 2 recipe: the headers, and one component per part of the library. Without options it depends on nothing.
import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout
from conan.tools.scm import Version

required_conan_version = ">=2"


class Lifelong(ConanFile):
    name = "lifelong"
    description = "Lifelong learning that prices every parameter"
    license = "MIT"
    topics = ("continual-learning", "lifelong-learning", "machine-learning", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"cuda": [True, False], "nn": [True, False], "xtensor": [True, False], "zlib": [True, False]}
    default_options = {"cuda": False, "nn": False, "xtensor": False, "zlib": False}
    options_description = {
        "cuda": "lifelong::cuda, a backend for files that nvcc compiles; the toolkit is yours",
        "nn": "lifelong::nn, networks on Eigen",
        "xtensor": "lifelong::xtensor, xtensor arrays as data",
        "zlib": "lifelong::zlib, compressed data files",
    }
    exports_sources = "LICENSE", "include/*"
    no_copy_source = True
    test_package_folder = "tests/install/conan"

    # Option, what it needs, and the component of that which it links.
    _needs = {
        "nn": ("eigen/[>=3.4.0 <6]", "eigen::eigen"),
        "xtensor": ("xtensor/[>=0.24.0 <1]", "xtensor::xtensor"),
        "zlib": ("zlib/[>=1.2.11 <2]", "zlib::zlib"),
    }

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "include", "lifelong", "version.hpp"))
        self.version = re.search(r'LIFELONG_VERSION_STRING "(.+)"', header).group(1)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        for option, (package, _) in self._needs.items():
            if self.options.get_safe(option):
                self.requires(package)

    def package_id(self):
        self.info.clear()

    # The standard is not asked for here: Conan's own profile says 17, and targets raise it. The headers refuse less.
    def validate(self):
        least = {"gcc": "11", "clang": "13"}.get(str(self.settings.compiler))
        if least and Version(self.settings.compiler.version) < least:
            raise ConanInvalidConfiguration(f"lifelong needs {self.settings.compiler} {least}")

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "include/*", self.source_folder, self.package_folder)

    def package_info(self):
        self.cpp_info.set_property("cmake_target_name", "lifelong::all")
        self._component("lifelong")
        self._component("convention", requires=["lifelong"])
        openmp = self._component("openmp", requires=["lifelong"])
        if self.settings.compiler in ("gcc", "clang"):
            openmp.cxxflags = openmp.exelinkflags = openmp.sharedlinkflags = ["-fopenmp"]
        if self.options.get_safe("cuda"):
            self._component("cuda", requires=["lifelong"])
        for option, (_, target) in self._needs.items():
            if self.options.get_safe(option):
                self._component(option, requires=["lifelong", target])

    def _component(self, name, requires=()):
        component = self.cpp_info.components[name]
        component.bindirs = component.libdirs = []
        component.requires = list(requires)
        component.set_property("cmake_target_name", f"lifelong::{name}")
        component.set_property("pkg_config_name", "lifelong" if name == "lifelong" else f"lifelong-{name}")
        return component
