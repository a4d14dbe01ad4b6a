# cython: boundscheck=False, wraparound=False
"""One Forward plan between both sockets.

Phases: READING (what must be verified before the backend hears of it) -> WAITING (for a
connection) -> SENDING (the request body) -> AWAITING (the response) -> ANSWERING, then the exchange
is over; most begin with WAITING, and a Gather leads to another plan (`transaction`). A fault before
the client has a byte becomes an S3 error, a fault after that a reset (law 7). The client's deadline
belongs to the exchange while it lasts.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.bytearray cimport PyByteArray_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from multistore.gateway.plan cimport Forward, Respond
from multistore.gateway.request cimport GatewayRequest
from multistore.server.client cimport CHUNKED, UNSAID, Client
from multistore.server.stream cimport FULL, ROOM, Stream
from multistore.server.upload cimport Upload, head_of
from multistore.server.upstream cimport Call, Upstream
from multistore.wire._native.cext cimport ms_span
from multistore.wire._native.head cimport ResponseHead
from multistore.wire._native.spans cimport span_of

import logging

from multistore.errors import S3Error, bug_of
from multistore.gateway import render
from multistore.server.faults import backend_fault, internal_error, upload_stalled

cdef enum Mode:
    RELAY                           # the body flows below us
    RECHUNK                         # chunked in, chunked out
    UNTIL_CLOSE                     # chunked in, HTTP/1.0 out
    TRANSLATE
    GATHER

cdef object log = logging.getLogger("multistore.backend")
cdef bytes LAST_CHUNK = b"0\r\n\r\n"


cdef class Exchange(Call):
    """Carries out one Forward plan after another."""

    cdef int carry_out(self, object plan) except -1:
        raise NotImplementedError

    cdef int forward(self, Forward plan) except -1:
        """Begins with `plan`."""
        self.plan = plan
        self.gather = None
        self.gathered = None
        self.mode = RELAY
        if plan.body is None and (plan.length > 0 or plan.decoder is not None):
            if self.upload is not None or self.body_taken:
                raise RuntimeError("a second plan cannot send the client's body again")
            self.upload = Upload.__new__(Upload, plan, self.request.head)
            if self.upload.reads and (self.client.body_begun or plan.length == 0 or self.upload.left == 0):
                return self._read_first()
        elif self.upload is not None:
            self._tell_unread()
            self.upload = None
            self.body_taken = True
        return self.start()

    cdef int start(self) except -1:
        cdef Upstream upstream
        self.phase = WAITING
        self.pool = self.service.pools.of(self.plan.origin)
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
        cdef Upload upload = self.upload
        cdef ms_span parts[2]
        self.upstream = upstream
        upstream.start(self, plan.method)
        try:
            if upload is not None:
                upload.send(upstream.stream, self.service.amz_date)
            else:
                parts[0] = head_of(plan, plan.length, self.service.amz_date)
                if plan.body is not None:
                    parts[1] = span_of(plan.body)
                upstream.stream.write(parts, 1 if plan.body is None else 2)
        except S3Error as error:
            return self._refuse(error)
        self.moved = self.idle_ms = 0
        if upload is None or upload.sent:
            return self._body_sent()
        self.phase = SENDING
        client.ask_to_continue()
        self.service.wheel.set(client, self.service.rate_window_ms)
        if not upload.reads:
            client.stream.relay(upstream.stream, upload.left)
        if not upload.full:
            client.stream.resume()
        return 0

    cdef int _body_sent(self) except -1:
        self.phase = AWAITING
        self.service.wheel.set(self.client, self.service.first_byte_ms)
        return 0

    # --- the client's body ------------------------------------------------------------------

    cdef int _read_first(self) except -1:
        """SEM-11: what came with the head is read, and verified if it is all, before the backend
        sees a head; so is a body of no data, however it comes."""
        self.phase = READING
        self.client.ask_to_continue()
        self.service.wheel.set(self.client, self.service.rate_window_ms)
        if self.upload.left == 0:
            self._feed(NULL, 0)
        return 0

    cdef bint wants_body(self) noexcept:
        return self.phase == READING or (self.phase == SENDING and self.upload.reads)

    cdef bint awaits_body(self) noexcept:
        return self.upload is not None and self.upload.left != 0

    cdef int on_client_body(self, const char* p, Py_ssize_t n) except -1:
        """Body bytes that are read here; says how many of them were taken."""
        cdef Upload upload = self.upload
        if self.phase == READING and upload.data_left > 0 and not upload.ends_within(n):
            # More than one read: it goes as it comes, over a connection that is there already.
            self.start()
            if self.phase == WAITING:
                self.client.stream.pause()
            if self.phase != SENDING:
                return 0
        self._feed(p, n)
        return <int> upload.taken

    cdef int _feed(self, const char* p, Py_ssize_t n) except -1:
        cdef Upload upload = self.upload
        try:
            upload.feed(p, n)
        except S3Error as error:
            return self._refuse(error)
        self.moved += upload.taken
        self.service.counters.bytes_in += upload.taken
        if upload.surplus:
            self.client.keep_alive = False
        if self.phase == READING and (upload.whole or self.plan.length > 0):
            return self.start()
        if upload.sent:
            return self._body_sent()
        elif upload.full:
            self.client.stream.pause()
        return 0

    cdef void on_client_relayed(self, int64_t n, bint done) noexcept:
        self.upload.relayed(n, done)
        self.moved += n
        self.service.counters.bytes_in += n
        if done and self.phase == SENDING:
            self._body_sent()

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
        self.upstream = None
        if upstream.reusable and (self.upload is None or self.upload.sent):
            self.pool.release(upstream)
        else:
            upstream.discard()
        if self.phase == OVER:
            return 0
        try:
            return self._finish_answer()
        except Exception as error:                  # nobody else would tell the client
            log.error("%s: %s", self.request.request_id, bug_of(error))
            return self._refuse(internal_error())

    cdef int _finish_answer(self) except -1:
        cdef bytes out
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
            and (self.plan.replayable or (self.upload is not None and not self.upload.begun))
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
        elif self.phase != OVER:
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
        elif self.phase == ANSWERING or (self.phase == SENDING and self.upstream.stream.full):
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
        if self.upload is not None:
            self.client.stream.stop_relay()
        self._tell_unread()
        self.client.send(respond)
        self._over()
        return 0

    cdef void _tell_unread(self) noexcept:
        # A body that no plan takes (a GET with one) is unread as a whole.
        if self.upload is not None:
            self.client.unread = self.upload.left

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
