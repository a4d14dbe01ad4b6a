# cython: language_level=3
"""The CRC of a file, read and summed in C: no Python object for any piece of it."""

from libc.stdio cimport FILE, fclose, ferror, fopen, fread

from multistore.embed cimport Crc

cdef enum:
    PIECE = 65536


def crc_of_file(bytes path not None, str algorithm):
    """Digest of the file at ``path`` by ``crc32``, ``crc32c`` or ``crc64nvme``."""
    cdef Crc crc = Crc(algorithm)
    cdef char[PIECE] piece
    cdef FILE* file = fopen(path, "rb")
    if file is NULL:
        raise OSError(f"cannot open {path!r}")
    cdef size_t n = fread(piece, 1, PIECE, file)
    while n > 0:
        crc.update_span(piece, <Py_ssize_t>n)
        n = fread(piece, 1, PIECE, file)
    cdef bint failed = ferror(file)
    fclose(file)
    if failed:
        raise OSError(f"cannot read {path!r}")
    return crc.digest()
