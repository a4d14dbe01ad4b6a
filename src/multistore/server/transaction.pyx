# cython: boundscheck=False, wraparound=False
"""One request's life: plan after plan, until the client has its answer.

A Forward is the exchange's own. A Collect reads the client's body whole (phase COLLECTING), a Job
goes on elsewhere (WORKING); what they come to, and what a Gather comes to, is carried out in turn.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from multistore.gateway.plan cimport Collect, Forward, Job, Respond
from multistore.gateway.request cimport GatewayRequest
from multistore.server.client cimport CHUNKED, Client
from multistore.server.exchange cimport COLLECTING, OVER, WORKING, Exchange

import logging

from multistore.errors import S3Error, bug_of
from multistore.gateway import render

cdef enum:
    # A job's client gets its status after so many milliseconds, then a blank now and then (SEM-19).
    PATIENCE = 5000
    BLANK_EVERY = 10000

cdef object log = logging.getLogger("multistore.server")
cdef bytes LAST_CHUNK = b"0\r\n\r\n"
cdef bytes DECLARATION = render.DECLARATION
cdef tuple CONTENT_TYPE = render.CONTENT_TYPE


cdef class Transaction(Exchange):
    """Carries out the plans of one request."""

    cdef int begin(self, Client client, GatewayRequest request, object plan) except -1:
        self.client = client
        self.service = client.service
        self.request = request
        self.service.active += 1
        return self.carry_out(plan)

    cdef int carry_out(self, object plan) except -1:
        if isinstance(plan, Forward):
            return self.forward(<Forward> plan)
        if isinstance(plan, Respond):
            return self._respond(<Respond> plan)
        if isinstance(plan, Collect):
            return self._collect(<Collect> plan)
        self.job = <Job?> plan
        self.phase = WORKING
        self.service.wheel.set(self.client, PATIENCE)
        try:
            self.running = self.service.jobs.run(plan, self.on_job_done)
        except S3Error as error:
            return self._refuse(error)
        return 0

    # --- a body that is wanted whole ----------------------------------------------------------

    cdef int _collect(self, Collect plan) except -1:
        self.collect = plan
        self.phase = COLLECTING
        self.body_taken = True
        self.body = bytearray()
        self.body_left = self.request.head.content_length
        if self.body_left <= 0:
            self.body_left = 0
            return self._collected()
        self.client.ask_to_continue()
        self.service.wheel.set(self.client, self.service.rate_window_ms)
        self.client.stream.resume()
        return 0

    cdef bint wants_body(self) noexcept:
        return self.phase == COLLECTING or Exchange.wants_body(self)

    cdef bint awaits_body(self) noexcept:
        return self.body_left > 0 or Exchange.awaits_body(self)

    cdef int on_client_body(self, const char* p, Py_ssize_t n) except -1:
        cdef Py_ssize_t taken
        if self.phase != COLLECTING:
            return Exchange.on_client_body(self, p, n)
        taken = n if n < self.body_left else <Py_ssize_t> self.body_left
        self.body_left -= taken
        self.moved += taken
        self.service.counters.bytes_in += taken
        self.body += PyBytes_FromStringAndSize(p, taken)
        if self.body_left == 0:
            self.client.stream.pause()
            self._collected()
        return <int> taken

    cdef int _collected(self) except -1:
        cdef bytes body = bytes(self.body)
        self.body = None
        return self.carry_out(self.service.engine.resume(self.request, self.collect, body))

    cdef void _tell_unread(self) noexcept:
        if self.collect is not None:
            self.client.unread = self.body_left
        else:
            Exchange._tell_unread(self)

    # --- a job --------------------------------------------------------------------------------

    def on_job_done(self, result):
        """What the job came to: a Respond, or an S3Error."""
        try:
            if self.phase == OVER:                  # the client has left
                return
            if isinstance(result, S3Error):
                result = self._error(result)
            self._finish_job(result)
        except Exception as error:
            log.error("%s: %s", self.request.request_id, bug_of(error))
            self._give_up()

    cdef void on_client_gone(self) noexcept:
        # The job goes on without it.
        if self.phase == WORKING:
            self.running.leave(self.on_job_done)
        Exchange.on_client_gone(self)

    cdef int _deadline(self) except -1:
        if self.phase == WORKING:
            return self._be_patient()
        return Exchange._deadline(self)

    cdef int _be_patient(self) except -1:
        """The job takes long: status now, then blanks before its document. (XML 1.0 allows none
        before the declaration, which goes first. HTTP/1.0 has no chunks, so it waits.)"""
        if self.job.patient and self.client.version >= 11:
            if not self.answered:
                self.answered = True
                self.client.send_head(200, None, None, CONTENT_TYPE, CHUNKED, NULL, 0)
                self._write_chunk(PyBytes_AS_STRING(DECLARATION), PyBytes_GET_SIZE(DECLARATION))
            elif not self.client.stream.full:
                self._write_chunk(" ", 1)
        self.service.wheel.set(self.client, BLANK_EVERY)
        return 0

    cdef int _finish_job(self, Respond respond) except -1:
        cdef bytes rest
        if not self.answered:
            return self._respond(respond)
        rest = respond.body.removeprefix(DECLARATION)
        if rest:
            self._write_chunk(PyBytes_AS_STRING(rest), PyBytes_GET_SIZE(rest))
        self.client.stream.write_bytes(LAST_CHUNK)
        self._over()
        return 0
