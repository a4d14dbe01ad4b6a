"""The kernel: pure functions and small objects over bytes. Contract: ``__init__.pyi``.

The kernel is chosen here, once. ``_native`` is the only one that the server runs and the
only default; ``_pure`` takes its place where there is no compiled code (Emscripten) or
where ``MULTISTORE_PURE=1`` asks for it. A native kernel that cannot be imported is an
error, never a reason to run the other one.
"""

import os
import sys

if sys.platform == "emscripten" or os.environ.get("MULTISTORE_PURE") == "1":
    IMPLEMENTATION = "pure"
    from multistore.wire import _pure as _kernel
else:
    IMPLEMENTATION = "native"
    try:
        from multistore.wire import _native as _kernel

        _kernel.scan_request  # noqa: B018 - an empty package is not a kernel
    except (ImportError, AttributeError) as error:
        raise ImportError(
            "multistore's native kernel (multistore.wire._native) could not be imported: "
            f"{error}. Install a wheel for this platform, or build it from source "
            "(python setup.py build_ext --inplace; needs a C compiler and the OpenSSL "
            "headers). MULTISTORE_PURE=1 selects the kernel in pure Python, which is "
            "complete but much slower and not meant for servers."
        ) from error

# Each kernel lists what the contract names; here it is passed on.
__all__ = ["IMPLEMENTATION", *_kernel.__all__]
globals().update((name, getattr(_kernel, name)) for name in _kernel.__all__)
