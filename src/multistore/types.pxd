# Overlay of types.py: types only, no behaviour.

cdef class Scope:
    cdef public str bucket
    cdef public tuple prefixes
    cdef public frozenset actions

cdef class Identity:
    cdef public str principal
    cdef public tuple scopes
    cdef public str role
    cdef public dict grants

cdef class Credential:
    cdef public str access_key_id
    cdef public str secret_access_key
    cdef public Identity identity
    cdef public bint enabled
    cdef public double expires_at

cdef class Origin:
    cdef public str host
    cdef public int port
    cdef public bint tls
    cdef public bint verify
    cdef public str ca_file

cdef class Bucket:
    cdef public str name
    cdef public object backend
    cdef public bytes prefix
    cdef public bint anonymous
    cdef public frozenset allowed_roles
    cdef public bint dot_segments
    cdef public bint control_characters
    cdef public bint double_slashes
    cdef public bint forwards_operations
    cdef public bint by_pattern
    cdef public str created
    cdef public object cors
    cdef public str shown_name
    cdef public bytes shown_prefix
