# cython: boundscheck=False, wraparound=False
"""One request's life between both sockets.

Phases of a Forward: WAITING (for a connection) -> SENDING (the request body) -> AWAITING (the
response) -> ANSWERING, then the exchange is over. Of a Collect: COLLECTING (the request body), of
a Job: WORKING; what they and a Gather come to is carried out in turn. A fault before the client
has a byte becomes an S3 error, a fault after that a reset (law 7). The client's deadline belongs
to the exchange while it lasts.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.bytearray cimport PyByteArray_GET_SIZE
from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from multistore.gateway.plan cimport Collect, Forward, Job, Respond
from multistore.gateway.request cimport GatewayRequest
from multistore.server.client cimport CHUNKED, UNSAID, Client
from multistore.server.stream cimport FULL, ROOM, Stream
from multistore.server.upstream cimport Call, Upstream
from multistore.wire._native.cext cimport ms_span
from multistore.wire._native.head cimport ResponseHead
from multistore.wire._native.render cimport request_head
from multistore.wire._native.spans cimport span_of

import logging

from multistore.errors import S3Error, bug_of
from multistore.gateway import render
from multistore.server.faults import backend_fault, upload_stalled

cdef enum Phase:
    COLLECTING
    WORKING
    WAITING
    SENDING
    AWAITING
    ANSWERING
    OVER

cdef enum Mode:
    RELAY                           # the body flows below us
    RECHUNK                         # chunked in, chunked out
    UNTIL_CLOSE                     # chunked in, HTTP/1.0 out
    TRANSLATE
    GATHER

cdef enum:
    # A job's client gets its status after so many milliseconds, then a blank now and then (SEM-19).
    PATIENCE = 5000
    BLANK_EVERY = 10000

cdef object log = logging.getLogger("multistore.backend")
cdef bytes CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
cdef bytes LAST_CHUNK = b"0\r\n\r\n"
cdef bytes DECLARATION = render.DECLARATION
cdef tuple DOCUMENT = ((b"content-type", b"application/xml"),)


cdef class Exchange(Call):
    """Carries out the plans of one request."""

    cdef int begin(self, Client client, GatewayRequest request, object plan) except -1:
        self.client = client
        self.service = client.service
        self.request = request
        self.service.active += 1
        return self.carry_out(plan)

    cdef int carry_out(self, object plan) except -1:
        if isinstance(plan, Forward):
            if self.takes_body and (<Forward> plan).length > 0 and (<Forward> plan).body is None:
                raise RuntimeError("a second plan cannot send the client's body again")
            return self._forward(<Forward> plan)
        if isinstance(plan, Respond):
            return self._respond(<Respond> plan)
        if isinstance(plan, Collect):
            return self._start_collecting(<Collect> plan)
        self.job = <Job?> plan
        self.phase = WORKING
        self.service.wheel.set(self.client, PATIENCE)
        self.service.jobs.run(plan, self.on_job_done)
        return 0

    # --- the request goes out ---------------------------------------------------------------

    cdef int _forward(self, Forward plan) except -1:
        cdef Upstream upstream
        self.plan = plan
        self.gather = None
        self.gathered = None
        self.mode = RELAY
        self.phase = WAITING
        self.body_left = plan.length if plan.length > 0 and plan.body is None else 0
        self.takes_body |= self.body_left > 0
        self.check = plan.check
        self.pool = self.service.pools.of(plan.origin)
        upstream = self.pool.take()
        if upstream is not None:
            return self._send_request(upstream)
        self.service.wheel.set(self.client, self.service.connect_ms)
        self.pool.dial(self)
        return 0

    cdef void on_connected(self, Upstream upstream) noexcept:
        try:
            self._send_request(upstream)
        except Exception as error:
            log.error("%s: %s", self.request.request_id, bug_of(error))
            self._give_up()

    cdef int _send_request(self, Upstream upstream) except -1:
        cdef Forward plan = self.plan
        cdef Client client = self.client
        cdef ms_span parts[2]
        self.upstream = upstream
        upstream.start(self, plan.method)
        try:
            parts[0] = request_head(
                plan.method, plan.target, plan.host, plan.head, plan.keep, plan.add,
                plan.length, plan.payload, plan.signer, self.service.amz_date,
            )
        except S3Error as error:
            return self._refuse(error)
        if plan.body is not None:
            parts[1] = span_of(plan.body)
        upstream.stream.write(parts, 1 if plan.body is None else 2)
        self.moved = self.idle_ms = 0
        if self.body_left == 0:
            return self._body_sent()
        self.phase = SENDING
        self._ask_to_continue()
        self.service.wheel.set(client, self.service.rate_window_ms)
        if self.check is None:
            client.stream.relay(upstream.stream, self.body_left)
        client.stream.resume()
        return 0

    cdef int _body_sent(self) except -1:
        self.phase = AWAITING
        self.service.wheel.set(self.client, self.service.first_byte_ms)
        return 0

    # --- the client's body ------------------------------------------------------------------

    cdef bint wants_body(self) noexcept:
        return (self.phase == SENDING and self.check is not None) or self.phase == COLLECTING

    cdef void _ask_to_continue(self) noexcept:
        cdef Client client = self.client
        if client.expects_continue:
            client.expects_continue = False
            # RFC 9110 10.1.1: no 100 once body bytes have come.
            if not client.body_begun:
                client.stream.write_bytes(CONTINUE)

    cdef int on_client_body(self, const char* p, Py_ssize_t n) except -1:
        """Body bytes that are hashed here. As long as more are to come, all of these may leave:
        the backend cannot see the end. The last ones leave only if the hash holds (law 6)."""
        cdef ms_span span
        cdef int room
        if self.phase == COLLECTING:
            return self._on_collected(p, n)
        span.p = p
        span.n = <size_t> (n if n < self.body_left else self.body_left)
        self.check.update(PyMemoryView_FromMemory(<char*> p, <Py_ssize_t> span.n, PyBUF_READ))
        self.body_left -= <int64_t> span.n
        self.moved += <int64_t> span.n
        self.service.counters.bytes_in += <int64_t> span.n
        if self.body_left == 0:
            try:
                self.check.finish()
            except S3Error as error:
                self._refuse(error)
                return <int> span.n
        self.body_begun = True
        room = self.upstream.stream.write(&span, 1)
        if self.body_left == 0:
            self._body_sent()
        elif room == FULL:
            self.client.stream.pause()
        return <int> span.n

    cdef void on_client_relayed(self, int64_t n, bint done) noexcept:
        self.body_left -= n
        self.moved += n
        self.body_begun = True
        self.service.counters.bytes_in += n
        if done and self.phase == SENDING:
            self._body_sent()

    # --- a body that is wanted whole ----------------------------------------------------------

    cdef int _start_collecting(self, Collect plan) except -1:
        cdef Client client = self.client
        self.collect = plan
        self.phase = COLLECTING
        self.takes_body = True
        self.body_left = self.request.head.content_length
        self.gathered = bytearray()
        if self.body_left <= 0:
            self.body_left = 0
            return self._on_collected(NULL, 0)
        self._ask_to_continue()
        self.service.wheel.set(client, self.service.rate_window_ms)
        client.stream.resume()
        return 0

    cdef int _on_collected(self, const char* p, Py_ssize_t n) except -1:
        cdef Py_ssize_t taken = n if n < self.body_left else <Py_ssize_t> self.body_left
        cdef bytes body
        self.body_left -= taken
        self.moved += taken
        self.service.counters.bytes_in += taken
        if taken:
            self.gathered += PyBytes_FromStringAndSize(p, taken)
        if self.body_left == 0:
            self.client.stream.pause()
            body = bytes(self.gathered)
            self.gathered = None
            self.carry_out(self.service.engine.resume(self.request, self.collect, body))
        return <int> taken

    # --- a job --------------------------------------------------------------------------------

    def on_job_done(self, result):
        """What the job came to: a Respond, or an S3Error."""
        try:
            if self.phase == OVER:
                return
            if isinstance(result, S3Error):
                result = self._error(result)
            self._finish_job(result)
        except Exception as error:
            log.error("%s: %s", self.request.request_id, bug_of(error))
            self._give_up()

    cdef int _be_patient(self) except -1:
        """The job takes long: status now, blanks before its document (XML 1.0 allows none before
        the declaration, which goes first)."""
        if self.job.patient and self.client.version >= 11:
            if not self.answered:
                self.answered = True
                self.client.send_head(200, None, None, DOCUMENT, CHUNKED, NULL, 0)
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
        self._write_chunk(PyBytes_AS_STRING(rest), PyBytes_GET_SIZE(rest))
        self.client.stream.write_bytes(LAST_CHUNK)
        self._over()
        return 0

    # --- the response comes back ------------------------------------------------------------

    cdef int on_response(self, ResponseHead head, const char* p, Py_ssize_t n) except -1:
        cdef int status = head.status
        cdef Forward plan = self.plan
        cdef object action
        if self.phase == SENDING:
            if status < 300:
                self.on_failed("early")
                return 0
            # Refused early: the rest of the body has no taker.
            self.client.stream.stop_relay()
            self.client.stream.pause()
        self.phase = ANSWERING
        self.moved = self.idle_ms = 0
        self.service.wheel.set(self.client, self.service.rate_window_ms)
        if plan.answer.relay and status == 200:
            return self._relay_response(head, p, n)
        try:
            action = plan.answer.on_head(status, head)
        except S3Error as error:
            return self._refuse(error)
        if action is None:
            return self._relay_response(head, p, n)
        if isinstance(action, Respond):
            return self._respond(action)
        if hasattr(action, "feed"):                 # Translate; a Gather only finishes
            self.mode = TRANSLATE
            self.translate = action
        else:
            self.mode = GATHER
            self.gather = action
            self.gathered = bytearray()
        if n:
            self.on_body(p, n)
        return 0

    cdef int _relay_response(self, ResponseHead head, const char* p, Py_ssize_t n) except -1:
        cdef object extra = self.plan.answer.extra
        cdef int64_t length = UNSAID
        cdef ms_span body
        cdef Upstream upstream = self.upstream
        if extra:
            extra = [(name, value) for name, value in extra if head.get(name) is None]
        body.p = p
        body.n = <size_t> n
        if upstream.body_left >= 0:
            self.mode = RELAY
            if head.status != 204 and head.status != 304:
                length = head.content_length
        elif self.client.version >= 11:
            self.mode = RECHUNK
            length = CHUNKED
        else:
            self.mode = UNTIL_CLOSE
            self.client.keep_alive = False
        self.answered = True
        self.service.counters.bytes_out += n
        self.moved += n
        self._tell_unread()
        self.client.send_head(
            head.status, head, self.plan.answer.keep, extra, length, &body, 1 if n else 0)
        if upstream.body_left > 0 and self.upstream is upstream:
            upstream.relay_to(self.client.stream)
        return 0

    cdef int _emit(self, bytes out, bint last) except -1:
        """Output of the translator. The head waits for it: an answer that is ready at once has a
        length, and a fault before it is still an error document."""
        cdef int64_t length = UNSAID
        cdef ms_span body
        cdef bint whole = last and not self.answered
        if not self.answered:
            body.p = PyBytes_AS_STRING(out)
            body.n = <size_t> PyBytes_GET_SIZE(out)
            if whole:
                length = <int64_t> body.n
                self.service.counters.bytes_out += length
            elif self.client.version >= 11:
                length = CHUNKED
            else:
                self.client.keep_alive = False
            self.answered = True
            self._tell_unread()
            self.client.send_head(
                self.translate.status, None, None, self.translate.fields, length, &body, 1 if whole else 0)
        if not whole and out:
            self._write_chunk(PyBytes_AS_STRING(out), PyBytes_GET_SIZE(out))
        if last and not whole and self.client.version >= 11:
            self.client.stream.write_bytes(LAST_CHUNK)
        return 0

    cdef int _translation_failed(self, object error) except -1:
        log.warning("%s: unusable answer from backend %r: %s", self.request.request_id, self.plan.origin, error)
        self.service.counters.backend_faults += 1
        return self._refuse(error)

    cdef int on_body(self, const char* p, Py_ssize_t n) except -1:
        cdef bytes out
        cdef int room = 0
        cdef Py_ssize_t space
        self.moved += n
        if self.mode == RECHUNK or self.mode == UNTIL_CLOSE:
            room = self._write_chunk(p, n)
        elif self.mode == TRANSLATE:
            try:
                out = self.translate.feed(PyBytes_FromStringAndSize(p, n))
            except S3Error as error:
                return self._translation_failed(error)
            if out:
                self._emit(out, False)
            room = FULL if self.client.stream is not None and self.client.stream.full else ROOM
        elif self.mode == GATHER:
            space = <Py_ssize_t> self.gather.limit - PyByteArray_GET_SIZE(self.gathered)
            self.gathered += PyBytes_FromStringAndSize(p, n if n < space else space)
            if n > space:                           # a document without end: what we have must do
                self.upstream.discard()
                self.upstream = None
                return self._finish_gather()
        if room == FULL and self.upstream is not None:
            self.upstream.stream.pause()
        return 0

    cdef int _write_chunk(self, const char* p, Py_ssize_t n) except -1:
        """One piece of a body whose length was not known: chunked for HTTP/1.1, bare for 1.0."""
        cdef char size[24]
        cdef ms_span parts[3]
        self.service.counters.bytes_out += n
        parts[1].p = p
        parts[1].n = <size_t> n
        if self.client.version < 11:
            return self.client.stream.write(&parts[1], 1)
        parts[0].p = size
        parts[0].n = <size_t> snprintf(size, sizeof(size), "%zx\r\n", n)
        parts[2].p = "\r\n"
        parts[2].n = 2
        return self.client.stream.write(parts, 3)

    cdef int on_complete(self) except -1:
        cdef Upstream upstream = self.upstream
        cdef bytes out
        self.upstream = None
        if upstream.reusable and self.body_left == 0:
            self.pool.release(upstream)
        else:
            upstream.discard()
        if self.phase == OVER:
            return 0
        if self.mode == GATHER:
            return self._finish_gather()
        if self.mode == TRANSLATE:
            try:
                out = self.translate.finish()
            except S3Error as error:
                return self._translation_failed(error)
            self._emit(out, True)
        elif self.mode == RECHUNK:
            self.client.stream.write_bytes(LAST_CHUNK)
        self._over()
        return 0

    cdef int _finish_gather(self) except -1:
        cdef object plan
        try:
            plan = self.gather.finish(bytes(self.gathered))
        except S3Error as error:
            return self._refuse(error)
        return self.carry_out(plan)

    cdef void on_progress(self, int64_t n) noexcept:
        self.moved += n
        self.service.counters.bytes_out += n

    # --- room: a side that was full has emptied ----------------------------------------------

    cdef void on_room(self) noexcept:
        if self.phase == SENDING:
            self.client.stream.resume()

    cdef void on_client_room(self) noexcept:
        if self.phase == ANSWERING and self.upstream is not None:
            self.upstream.stream.resume()

    # --- faults -----------------------------------------------------------------------------

    cdef void on_failed(self, str why) noexcept:
        cdef Upstream upstream = self.upstream
        self.upstream = None
        if upstream is not None:
            upstream.discard()
        if self.phase == OVER:
            return
        self.service.counters.backend_faults += 1
        if self.answered:
            log.warning("%s: backend %r failed in the middle of its answer: %s",
                        self.request.request_id, self.plan.origin, why)
            self._give_up()
            return
        try:
            if upstream is not None and not upstream.answered and self._may_retry(why):
                # What the client sends meanwhile waits for the next connection.
                self.client.stream.stop_relay()
                self.client.stream.pause()
                self.retried = True
                self.phase = WAITING
                self.service.counters.retries += 1
                self.service.retrying += 1
                self.service.wheel.set(self.client, self.service.connect_ms)
                # A new connection: what happened to one idle connection may have happened to all.
                self.pool = self.service.pools.of(self.plan.origin)
                self.pool.dial(self)
                return
            log.warning("%s: backend %r failed: %s", self.request.request_id, self.plan.origin, why)
            self._refuse(backend_fault(why))
        except Exception as error:
            log.error("%s: %s", self.request.request_id, bug_of(error))
            self._give_up()

    cdef bint _may_retry(self, str why) noexcept:
        """The retry law: nothing was answered, nothing can have been done twice, once."""
        return (
            why == "closed"
            and not self.retried
            and not self.body_begun
            and (self.plan.replayable or self.body_left > 0)
            and self.service.may_retry()
        )

    cdef void on_client_deadline(self) noexcept:
        try:
            self._deadline()
        except Exception as error:
            log.error("%s: %s", self.request.request_id, bug_of(error))
            self._give_up()

    cdef int _deadline(self) except -1:
        cdef int64_t window
        if self.phase == WAITING:
            self.on_failed("connect" if self.pool.withdraw(self) else "exhausted")
        elif self.phase == AWAITING:
            self.on_failed("timeout")
        elif self.phase == WORKING:
            self._be_patient()
        elif self.phase == SENDING or self.phase == COLLECTING or self.phase == ANSWERING:
            window = self.service.rate_window_ms
            if self.moved == 0:
                self.idle_ms += window
            if self.moved < self.service.rate_bytes and (self.moved > 0 or self.idle_ms >= self.service.stall_ms):
                return self._stalled()
            if self.moved > 0:
                self.idle_ms = 0
            self.moved = 0
            self.service.wheel.set(self.client, window)
        return 0

    cdef int _stalled(self) except -1:
        """No body passed for too long, or too little of it: whose fault is it?"""
        log.warning("%s: body stalled", self.request.request_id)
        if self.answered:
            self._give_up()
        elif self.phase != COLLECTING and (self.phase == ANSWERING or self.upstream.stream.full):
            self.on_failed("timeout")
        else:
            self.client.keep_alive = False          # what is missing will not come
            self._refuse(upload_stalled())
        return 0

    cdef void on_client_gone(self) noexcept:
        self._give_up()

    # --- the end ----------------------------------------------------------------------------

    cdef int _refuse(self, object error) except -1:
        if self.answered:
            self._give_up()
            return 0
        return self._respond(self._error(error))

    cdef Respond _error(self, object error):
        cdef GatewayRequest request = self.request
        return render.error(
            error, request.request_id, render.resource_of(request.head), head=request.head.method == "HEAD")

    cdef int _respond(self, Respond respond) except -1:
        """An answer made here ends the exchange. What the backend still sends is of no use; if that
        is nothing, its connection stays for others (on_complete releases it)."""
        cdef Upstream upstream = self.upstream
        if upstream is not None and (self.phase != ANSWERING or upstream.body_left != 0):
            self.upstream = None
            upstream.discard()
        self.answered = True
        if self.body_left > 0:
            self.client.stream.stop_relay()
        self._tell_unread()
        self.client.send(respond)
        self._over()
        return 0

    cdef void _tell_unread(self) noexcept:
        # A body that no plan takes (a GET with one) is unread as a whole.
        if self.takes_body:
            self.client.unread = self.body_left

    cdef void _over(self) noexcept:
        self.phase = OVER
        self.service.active -= 1
        if self.retried:
            self.service.retrying -= 1
        self.client.done()

    cdef void _give_up(self) noexcept:
        """A fault that the client must see as one: both connections are reset."""
        cdef Upstream upstream = self.upstream
        cdef Stream stream = self.client.stream
        if self.phase == OVER:
            return
        self.upstream = None
        if upstream is not None:
            upstream.discard()
        elif self.phase == WAITING and self.pool is not None:
            self.pool.withdraw(self)
        if stream is not None:
            stream.abort()
        self._over()
