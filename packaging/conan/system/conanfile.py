# Lets Conan use a library of the system in place of its own package: conan create packaging/conan/system --name eigen
# The profile beside this file then says that it stands in for every version.
from io import StringIO

from conan import ConanFile

required_conan_version = ">=2"


class System(ConanFile):
    version = "system"
    package_type = "header-library"

    # Name: as pkg-config knows it, file that find_package looks for, target.
    _libraries = {
        "eigen": ("eigen3", "Eigen3", "Eigen3::Eigen"),
        "xtensor": ("xtensor", "xtensor", "xtensor"),
        "zlib": ("zlib", "ZLIB", "ZLIB::ZLIB"),
    }

    def package_id(self):
        self.info.clear()

    def package_info(self):
        module, file_name, target = self._libraries[self.name]
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
        self.cpp_info.includedirs = [flag[2:] for flag in self._ask(module, "--cflags-only-I")]
        self.cpp_info.system_libs = [flag[2:] for flag in self._ask(module, "--libs-only-l")]
        self.cpp_info.set_property("cmake_file_name", file_name)
        self.cpp_info.set_property("cmake_target_name", target)

    def _ask(self, module, what):
        answer = StringIO()
        self.run(f"pkg-config {what} {module}", answer)
        return answer.getvalue().split()
