/*
 * The slots of the table that are the same in every backend: sending, looking, waking.
 *
 * send() only queues: the system call comes with the next poll(), once for everything that a turn
 * produced.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/base.h"
#include "io/socket.h"

static struct oc_io__told *told_find(struct oc_io__base *base, struct oc_conn handle,
                                     const uint8_t *end);
static int send_begin(struct oc_io__base *base, struct oc_conn handle, uint32_t size,
                      struct oc_io__conn **conn);
static int send_done(struct oc_io__base *base, struct oc_io__conn *conn, uint32_t size, int rc);

int oc_io__unreceive(struct oc_io *io, struct oc_conn handle, uint8_t *bytes, uint32_t size)
{
    struct oc_io__base *base = oc_io__base_of(io);
    struct oc_io__conn *conn = oc_io__conn_find(base, handle);

    if (conn == NULL || conn->let_go) {
        return -ENOTCONN;
    }
    struct oc_io__told *told = told_find(base, handle, bytes + size);
    OC_ASSERT(size > 0);
    OC_ASSERT(size <= told->size);
    OC_ASSERT(told->kept_size == 0);
    told->kept_size = size;
    oc_io__note(base, OC_IO_FLIGHT_UNRECEIVE, handle, (int32_t)size);
    base->has_returned = true;
    base->stats.received_bytes -= size;
    if (conn->state == OC_IO__OPEN) {
        conn->eof_told = false; /* if it was, it was in this batch */
    }
    return 0;
}

bool oc_io__has_input(struct oc_io *io, struct oc_conn handle)
{
    struct oc_io__base *base = oc_io__base_of(io);
    const struct oc_io__conn *conn = oc_io__conn_find(base, handle);
    int count = 0;

    if (conn == NULL || !oc_io__queue_is_empty(&conn->unread)) {
        return conn != NULL;
    }
    if (base->simulated || conn->fd < 0) {
        return false;
    }
    base->stats.system_calls++;
    return ioctl(conn->fd, FIONREAD, &count) == 0 && count > 0;
}

int oc_io__send(struct oc_io *io, struct oc_conn handle, const void *bytes, uint32_t size)
{
    struct oc_io__base *base = oc_io__base_of(io);
    struct oc_io__conn *conn;

    int rc = send_begin(base, handle, size, &conn);
    if (rc < 0) {
        return rc;
    }
    rc = oc_io__queue_append(&base->chunks, &conn->out, bytes, size);
    oc_io__note(base, OC_IO_FLIGHT_SEND, handle, rc < 0 ? rc : (int32_t)size);
    return send_done(base, conn, size, rc);
}

int oc_io__chunk_open(struct oc_io *io, uint32_t *chunk, uint8_t **bytes)
{
    struct oc_io__base *base = oc_io__base_of(io);
    uint32_t index = oc_io__chunk_take(&base->chunks);

    if (index == OC_INDEX_NONE) {
        return -ENOBUFS;
    }
    *chunk = index;
    *bytes = oc_io__chunk_bytes(&base->chunks, index);
    return 0;
}

int oc_io__send_shared(struct oc_io *io, struct oc_conn handle, uint32_t chunk, uint32_t offset,
                       uint32_t size)
{
    struct oc_io__base *base = oc_io__base_of(io);
    struct oc_io__conn *conn;

    int rc = send_begin(base, handle, size, &conn);
    if (rc < 0) {
        return rc;
    }
    rc = oc_io__queue_append_shared(&base->chunks, &conn->out, chunk, offset, size);
    oc_io__note(base, OC_IO_FLIGHT_SEND_SHARED, handle, rc < 0 ? rc : (int32_t)size);
    return send_done(base, conn, size, rc);
}

void oc_io__chunk_give(struct oc_io *io, uint32_t chunk)
{
    oc_io__chunk_release(&oc_io__base_of(io)->chunks, chunk);
}

uint32_t oc_io__owed(const struct oc_io *io, struct oc_conn handle)
{
    const struct oc_io__conn *conn = oc_io__conn_find(oc_io__base_of_const(io), handle);

    return conn == NULL ? 0 : conn->out.size;
}

uint32_t oc_io__owed_most(const struct oc_io *io, struct oc_conn *handle)
{
    const struct oc_io__base *base = oc_io__base_of_const(io);
    uint32_t most = 0;

    for (uint32_t i = 0; i < base->slots.fresh; i++) {
        const struct oc_io__conn *conn = &base->conns[i];
        bool counts = conn->state == OC_IO__OPEN || conn->state == OC_IO__FLUSHING;
        if (counts && conn->out.size > most) {
            most = conn->out.size;
            *handle = (struct oc_conn){.index = i, .generation = conn->generation};
        }
    }
    return most;
}

int oc_io__peer(const struct oc_io *io, struct oc_conn handle, char *text, size_t size)
{
    const struct oc_io__conn *conn = oc_io__conn_find(oc_io__base_of_const(io), handle);
    struct oc_io_address address = {.size = sizeof(address.storage)};

    if (conn == NULL || conn->fd < 0) {
        return -ENOTCONN;
    }
    if (getpeername(conn->fd, (struct sockaddr *)&address.storage, &address.size) < 0) {
        return -errno;
    }
    return oc_io_address_text(&address, text, size);
}

void oc_io__wake(struct oc_io *io)
{
    struct oc_io__base *base = (struct oc_io__base *)io;
    const uint64_t one = 1;
    int saved_errno = errno;

    if (!atomic_exchange(&base->woken, true) && atomic_load(&base->sleeping)) {
        /* Cannot fail but by a counter of 2^64 - 2, and then the descriptor is readable anyway. */
        ssize_t written = write(atomic_load(&base->wake_fd), &one, sizeof(one));
        (void)written;
    }
    errno = saved_errno;
}

void oc_io__stats(const struct oc_io *io, struct oc_io_stats *stats)
{
    const struct oc_io__base *base = oc_io__base_of_const(io);

    *stats = base->stats;
    stats->chunks_used = oc_pool_used(&base->chunks.chunk_pool);
    stats->chunks_used_max = base->chunks.used_max;
}

/** The event of the last poll() whose bytes end there. That there is one is the caller's duty. */
static struct oc_io__told *told_find(struct oc_io__base *base, struct oc_conn handle,
                                     const uint8_t *end)
{
    for (uint32_t looked = 0; looked < base->told_count; looked++) {
        struct oc_io__told *told = &base->told[base->told_next++];
        base->told_next = base->told_next < base->told_count ? base->told_next : 0;
        if (told->bytes + told->size == end) {
            OC_ASSERT(told->conn.index == handle.index);
            OC_ASSERT(told->conn.generation == handle.generation);
            return told;
        }
    }
    OC_UNREACHABLE();
}

/** Whether the bytes may be queued: 0 and *conn, or what send() returns. */
static int send_begin(struct oc_io__base *base, struct oc_conn handle, uint32_t size,
                      struct oc_io__conn **conn)
{
    *conn = oc_io__conn_find(base, handle);
    if (*conn == NULL || (*conn)->state != OC_IO__OPEN) {
        return -ENOTCONN;
    }
    uint64_t pool_size = (uint64_t)base->config.chunk_count * OC_IO_CHUNK_BYTES;
    if (size > base->config.out_bytes_max || size > pool_size) {
        return -EMSGSIZE;
    }
    if (size > base->config.out_bytes_max - (*conn)->out.size) {
        return send_done(base, *conn, size, -ENOBUFS);
    }
    return 0;
}

static int send_done(struct oc_io__base *base, struct oc_io__conn *conn, uint32_t size, int rc)
{
    if (rc < 0) {
        base->stats.refused_sends++;
        conn->refused_size = size;
        oc_io__list_push(base, OC_IO__LIST_REFUSED, conn);
        return rc;
    }
    /* A blocked connection goes on when the kernel says so. */
    if (!conn->send_blocked && conn->out.size > 0) {
        oc_io__list_push(base, OC_IO__LIST_DIRTY, conn);
    }
    return 0;
}
