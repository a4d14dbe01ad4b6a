from libc.stdint cimport int64_t, uint64_t
from multistore.server.pool cimport Pools
from multistore.server.timers cimport Wheel


cdef class Counters:
    cdef readonly int64_t connections           # accepted
    cdef readonly int64_t refused_connections   # one too many
    cdef readonly int64_t requests
    cdef readonly int64_t bytes_in              # request bodies
    cdef readonly int64_t bytes_out             # response bodies
    cdef readonly int64_t backend_faults
    cdef readonly int64_t retries
    cdef int64_t by_class[6]                    # responses by the first digit of their status

    cdef void count(self, int status) noexcept


cdef class Service:
    # --- what every connection of a worker shares
    cdef readonly object engine
    cdef readonly Pools pools
    cdef readonly Wheel wheel
    cdef readonly Counters counters
    cdef public object jobs                     # jobs.Jobs, whose calls are made by this service
    cdef set open_clients
    cdef dict by_peer                           # open connections per address
    cdef public bint draining

    # --- limits, as C numbers
    cdef int head_bytes
    cdef int head_fields
    cdef int target_bytes
    cdef int64_t discard_bytes
    cdef int requests_per_connection
    cdef int connections_max
    cdef int connections_per_peer

    # --- deadlines in milliseconds
    cdef int head_ms
    cdef int keep_alive_ms
    cdef int stall_ms
    cdef int rate_window_ms
    cdef int64_t rate_bytes                     # least progress in one window
    cdef int connect_ms
    cdef int first_byte_ms

    # --- clock and ids
    cdef int64_t second                         # of the two texts below
    cdef bytes date                             # IMF-fixdate, for Date
    cdef bytes amz_date                         # for signatures
    cdef uint64_t id_state

    # --- retries under way, for the budget
    cdef int active
    cdef int retrying

    cdef double now(self) noexcept
    cdef bytes new_id(self)
    cdef bint may_retry(self) noexcept
    cdef int refuse_connection(self, str peer) except -1
