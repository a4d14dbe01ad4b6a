from kernels import kernel

__all__ = ["kernel"]
