"""multistore: an S3 gateway. Tools that want its parts import :mod:`multistore.embed`."""

from multistore._version import __version__

__all__ = ["__version__"]
