"""Builds every `.pyx`, and every `.py` that has a `.pxd` header beside it, with Cython.

A `.pxd` beside a `.py` is that file's C header: it is the only list of what gets compiled.  The build
writes `_build_manifest.json` into each package: the digest of each source that a compiled module was made
from, by which `hwemu_importer` refuses a stale one.
"""

import hashlib
import json
import os
import re
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

PACKAGES = ("hwemu", "driver", "kernel", "userland", "lab")
ROOT = Path(__file__).resolve().parent


def digest(path):
    """What a compiled module was made from: its source and its header."""
    header = path.with_suffix(".pxd")
    return hashlib.sha256(path.read_bytes() + (header.read_bytes() if header.exists() else b"")).hexdigest()


def declares(header):
    """False for a header that is missing or only passes on other headers' names: its room stays Python."""
    return header.exists() and re.search(r"^(cdef|cpdef) ", header.read_text(), re.MULTILINE) is not None


def compiled_sources():
    """Every source that becomes a C module, sorted: leaves (.pyx) and paired rooms (.py with a .pxd)."""
    for package in PACKAGES:
        base = ROOT / package
        for path in sorted(base.rglob("*.py*")):
            if path.suffix == ".pyx" or (path.suffix == ".py" and declares(path.with_suffix(".pxd"))):
                yield path.relative_to(ROOT)


def wanted(name):
    """HWEMU_BUILD_ONLY (a JSON list of module or package prefixes, see tools/build.py) narrows a build in place."""
    prefixes = json.loads(os.environ.get("HWEMU_BUILD_ONLY", "[]"))
    return not prefixes or any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def extensions():
    return [
        Extension(
            ".".join(source.with_suffix("").parts),
            [str(source)],
            # gcc warns wherever a typed constant of one signedness meets a field of the other, and hides the warnings that
            # matter; that such comparisons mean what Python's do is what running the suite at both speeds is for.
            # The names and lines of functions stay in the file, compressed: the driver kit shows them in call stacks.
            extra_compile_args=["-O2", "-g1", "-gz", "-fno-strict-aliasing", "-fno-plt", "-Wno-sign-compare"],
            extra_link_args=["-gz"],
        )
        for source in compiled_sources()
        if wanted(".".join(source.with_suffix("").parts))
    ]


def remove_orphans():
    """Compiled modules in place whose source is compiled no longer would be refused as stale for ever."""
    compiled = {source.with_suffix("") for source in compiled_sources()}
    for package in PACKAGES:
        for module in (ROOT / package).rglob("*.so"):
            if module.relative_to(ROOT).with_name(module.name.partition(".")[0]) not in compiled:
                module.unlink()


class build_ext_with_manifest(build_ext):
    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def run(self):
        if self.inplace:
            remove_orphans()
        super().run()
        by_package = {}
        for ext in self.extensions:
            source = ROOT.joinpath(*ext.name.split("."))
            path = next(p for p in (source.with_suffix(".pyx"), source.with_suffix(".py")) if p.exists())
            by_package.setdefault(path.parent, {})[path.name] = digest(path)
        for package, digests in by_package.items():
            target = package if self.inplace else Path(self.build_lib) / package.relative_to(ROOT)
            manifest = target / "_build_manifest.json"
            known = json.loads(manifest.read_text()) if self.inplace and manifest.exists() else {}
            manifest.write_text(json.dumps({**known, **digests}, indent=1, sort_keys=True) + "\n")


setup(
    ext_modules=cythonize(
        extensions(),
        nthreads=os.cpu_count() or 1,
        build_dir="build/c",
        emit_linenums=True,
        compiler_directives={
            "language_level": 3,
            "annotation_typing": False,
            "auto_pickle": False,
            "always_allow_keywords": True,
        },
    ),
    cmdclass={"build_ext": build_ext_with_manifest},
)
