/*
 * The part of a backend that needs no particular kernel interface: see base.h.
 */
#define _GNU_SOURCE /* gettid */
#include "io/base.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECTIONS_MAX  (1U << 20)
#define BUFFER_COUNT_MAX 32768U
#define TIMER_TICK_NS    1000000ULL

static int config_check(const struct oc_io_config *config);
static int base_allocate(struct oc_io__base *base);
static void deliver_closed(struct oc_io__base *base, struct oc_io__batch *batch);
static void deliver_drained(struct oc_io__base *base, struct oc_io__batch *batch);

/* --- making and unmaking ------------------------------------------------------------------- */

int oc_io__base_open(const struct oc_io_ops *ops, const struct oc_io_config *config, size_t size,
                     struct oc_io__base **result)
{
    OC_ASSERT(size >= sizeof(struct oc_io__base));

    int rc = config_check(config);
    if (rc < 0) {
        return rc;
    }
    struct oc_io__base *base = oc_arena_alloc(config->arena, 1, size, 0);
    if (base == NULL) {
        return -ENOMEM;
    }
    base->io.ops = ops;
    base->config = *config;
    rc = base_allocate(base);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < OC_IO__LIST_COUNT; i++) {
        base->lists[i] = (struct oc_io__list){.head = OC_INDEX_NONE, .tail = OC_INDEX_NONE};
    }
    oc_io__queue_init(&base->borrowed_chunks);
    atomic_init(&base->woken, false);
    atomic_init(&base->sleeping, false);
    atomic_init(&base->wake_fd, -1);
    *result = base;
    return 0;
}

int oc_io__base_start(struct oc_io__base *base)
{
    OC_ASSERT(!base->started);

    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    base->thread_id = (uint64_t)gettid();
    oc_io__base_start_at(base, fd, oc_io__clock_ns());
    return 0;
}

void oc_io__base_start_at(struct oc_io__base *base, int wake_fd, uint64_t now_ns)
{
    base->now_ns = now_ns;
    oc_timer_wheel_init(&base->wheel,
                        &(struct oc_timer_wheel_config){
                            .timers = base->timers,
                            .capacity = base->config.connections_max + OC_IO__LISTENERS_MAX,
                            .tick_ns = TIMER_TICK_NS,
                            .now_ns = base->now_ns,
                        });
    atomic_store(&base->wake_fd, wake_fd);
    base->started = true;
    oc_io__flight_enter(&base->io);
}

void oc_io__base_shutdown(struct oc_io__base *base)
{
    for (uint32_t i = 0; i < base->slots.fresh; i++) {
        struct oc_io__conn *conn = &base->conns[i];
        if (conn->state != OC_IO__FREE && conn->state != OC_IO__ENDED) {
            oc_io__conn_reset(base, conn);
            oc_io__conn_end(base, conn);
        }
    }
    int fd = atomic_exchange(&base->wake_fd, -1);
    if (fd >= 0) {
        close(fd);
    }
    base->started = false;
    oc_io__flight_leave(&base->io);
}

uint64_t oc_io__wait_ns(const struct oc_io__base *base, uint64_t now_ns, uint64_t limit_ns)
{
    uint64_t next_ns = oc_timer_wheel_next_ns(&base->wheel);

    if (next_ns == OC_TIMER_WHEEL_NEVER) {
        return limit_ns;
    }
    uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
    return left_ns < limit_ns ? left_ns : limit_ns;
}

/* --- connections --------------------------------------------------------------------------- */

struct oc_io__conn *oc_io__conn_open(struct oc_io__base *base, int fd, uint64_t tag,
                                     enum oc_io__conn_state state)
{
    uint32_t index = oc_pool_take(&base->slots);

    if (index == OC_INDEX_NONE) {
        return NULL;
    }
    struct oc_io__conn *conn = &base->conns[index];
    OC_ASSERT(conn->state == OC_IO__FREE);
    OC_ASSERT(conn->listed == 0);
    uint32_t generation = conn->generation + 1;
    *conn = (struct oc_io__conn){
        .fd = fd,
        .generation = generation == 0 ? 1 : generation,
        .state = (uint8_t)state,
        .tag = tag,
    };
    oc_io__queue_init(&conn->out);
    oc_io__queue_init(&conn->unread);
    base->stats.connections++;
    if (state == OC_IO__CONNECTING) {
        oc_io__note_conn(base, OC_IO_FLIGHT_CONNECT, conn, 0);
    }
    return conn;
}

int oc_io__conn_adopt(struct oc_io__base *base, int fd, uint64_t tag, const void *unread,
                      uint32_t unread_size, struct oc_io__conn **result)
{
    if (unread_size > base->config.buffer_size) {
        return -EINVAL;
    }
    struct oc_io__conn *conn = oc_io__conn_open(base, fd, tag, OC_IO__OPEN);
    if (conn == NULL) {
        return -ENOBUFS;
    }
    if (oc_io__queue_append(&base->chunks, &conn->unread, unread, unread_size) < 0) {
        oc_io__conn_unadopt(base, conn);
        return -ENOBUFS;
    }
    if (unread_size > 0) {
        oc_io__list_push(base, OC_IO__LIST_READY, conn);
    }
    oc_io__note_conn(base, OC_IO_FLIGHT_ADOPT, conn, (int32_t)unread_size);
    *result = conn;
    return 0;
}

void oc_io__conn_unadopt(struct oc_io__base *base, struct oc_io__conn *conn)
{
    oc_io__conn_drop_unread(base, conn);
    oc_io__list_remove(base, OC_IO__LIST_READY, conn);
    conn->state = OC_IO__FREE;
    oc_pool_give(&base->slots, oc_io__conn_index(base, conn));
    base->stats.connections--;
}

int oc_io__connect_socket(struct oc_io__base *base, int family, int flags, const char *congestion)
{
    const int one = 1;
    bool is_tcp = family == AF_INET || family == AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    base->stats.system_calls += 1;
    if (fd < 0) {
        return -errno;
    }
    base->stats.system_calls += is_tcp ? 1 : 0;
    if (is_tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0) {
        goto fail_close;
    }
    base->stats.system_calls += congestion != NULL ? 1 : 0;
    if (congestion != NULL && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
                                         (socklen_t)strlen(congestion)) < 0) {
        goto fail_close;
    }
    return fd;

fail_close:;
    int rc = -errno;
    close(fd);
    return rc;
}

struct oc_io__conn *oc_io__conn_find(const struct oc_io__base *base, struct oc_conn handle)
{
    if (handle.index >= base->config.connections_max) {
        return NULL;
    }
    struct oc_io__conn *conn = &base->conns[handle.index];
    if (conn->state == OC_IO__FREE || conn->generation != handle.generation) {
        return NULL;
    }
    return conn;
}

void oc_io__conn_end(struct oc_io__base *base, struct oc_io__conn *conn)
{
    OC_ASSERT(conn->state != OC_IO__FREE);
    OC_ASSERT(conn->state != OC_IO__ENDED);
    OC_ASSERT(conn->outstanding == 0);

    if (conn->fd >= 0) {
        close(conn->fd);
        base->stats.system_calls++;
        conn->fd = -1;
    }
    if (conn->state != OC_IO__ENDING) { /* then it was done; what is there was given back since */
        oc_io__conn_drop_unread(base, conn);
    }
    conn->state = OC_IO__ENDED;
    oc_io__note_conn(base, OC_IO_FLIGHT_ENDED, conn, conn->error);
    oc_io__queue_truncate(&base->chunks, &conn->out, 0);
    for (uint32_t id = 0; id < OC_IO__LIST_COUNT; id++) {
        oc_io__list_remove(base, (enum oc_io__list_id)id, conn);
    }
    oc_timer_wheel_cancel(&base->wheel, oc_io__conn_index(base, conn));
    oc_io__list_push(base, OC_IO__LIST_ENDED, conn);
}

void oc_io__conn_reset(struct oc_io__base *base, struct oc_io__conn *conn)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    oc_io__note_conn(base, OC_IO_FLIGHT_RESET, conn, 0);
    /* Sockets that know no reset (Unix) ignore it. */
    (void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    base->stats.system_calls++;
}

void oc_io__conn_flush(struct oc_io__base *base, struct oc_io__conn *conn)
{
    OC_ASSERT(conn->state == OC_IO__OPEN);

    oc_io__note_conn(base, OC_IO_FLIGHT_FLUSH, conn, 0);
    conn->state = OC_IO__FLUSHING;
    conn->paused = false;
    conn->sated = false;
    oc_io__list_remove(base, OC_IO__LIST_REFUSED, conn);
    oc_timer_wheel_add(&base->wheel, oc_io__conn_index(base, conn),
                       oc_io__base_clock_ns(base) + OC_IO_FLUSH_TIMEOUT_NS);
    if (!conn->send_blocked) {
        oc_io__list_push(base, OC_IO__LIST_DIRTY, conn);
    }
}

void oc_io__conn_flush_goes_on(struct oc_io__base *base, struct oc_io__conn *conn)
{
    uint32_t timer = oc_io__conn_index(base, conn);

    OC_ASSERT(conn->state == OC_IO__FLUSHING || conn->state == OC_IO__LINGERING);
    oc_timer_wheel_cancel(&base->wheel, timer);
    oc_timer_wheel_add(&base->wheel, timer, base->now_ns + OC_IO_FLUSH_TIMEOUT_NS);
}

void oc_io__conn_break(struct oc_io__base *base, struct oc_io__conn *conn, int error,
                       uint32_t in_flight)
{
    OC_ASSERT(conn->state == OC_IO__OPEN);

    oc_io__note_conn(base, OC_IO_FLIGHT_BROKEN, conn, error);
    conn->state = OC_IO__BROKEN;
    conn->error = error;
    oc_io__queue_truncate(&base->chunks, &conn->out, in_flight);
    oc_io__list_remove(base, OC_IO__LIST_DIRTY, conn);
    oc_io__list_remove(base, OC_IO__LIST_REFUSED, conn);
    oc_timer_wheel_add(&base->wheel, oc_io__conn_index(base, conn),
                       oc_io__base_clock_ns(base) + OC_IO_FLUSH_TIMEOUT_NS);
}

/* --- lists --------------------------------------------------------------------------------- */

void oc_io__list_push(struct oc_io__base *base, enum oc_io__list_id id, struct oc_io__conn *conn)
{
    struct oc_io__list *list = &base->lists[id];
    uint32_t index = oc_io__conn_index(base, conn);

    if (oc_io__is_listed(conn, id)) {
        return;
    }
    conn->listed = (uint8_t)(conn->listed | (1U << id));
    conn->links[id] = (struct oc_io__link){.next = OC_INDEX_NONE, .previous = list->tail};
    if (list->tail == OC_INDEX_NONE) {
        list->head = index;
    } else {
        base->conns[list->tail].links[id].next = index;
    }
    list->tail = index;
    list->count++;
}

void oc_io__list_remove(struct oc_io__base *base, enum oc_io__list_id id, struct oc_io__conn *conn)
{
    struct oc_io__list *list = &base->lists[id];
    struct oc_io__link link = conn->links[id];

    if (!oc_io__is_listed(conn, id)) {
        return;
    }
    if (link.previous == OC_INDEX_NONE) {
        list->head = link.next;
    } else {
        base->conns[link.previous].links[id].next = link.next;
    }
    if (link.next == OC_INDEX_NONE) {
        list->tail = link.previous;
    } else {
        base->conns[link.next].links[id].previous = link.previous;
    }
    conn->listed = (uint8_t)(conn->listed & ~(1U << id));
    list->count--;
}

struct oc_io__conn *oc_io__list_pop(struct oc_io__base *base, enum oc_io__list_id id)
{
    if (base->lists[id].head == OC_INDEX_NONE) {
        return NULL;
    }
    struct oc_io__conn *conn = &base->conns[base->lists[id].head];
    oc_io__list_remove(base, id, conn);
    return conn;
}

/* --- events -------------------------------------------------------------------------------- */

struct oc_io_event *oc_io__emit(struct oc_io__base *base, struct oc_io__batch *batch,
                                enum oc_io_event_kind kind, const struct oc_io__conn *conn,
                                int32_t error)
{
    OC_ASSERT(batch->count < batch->capacity);

    struct oc_io_event *event = &batch->events[batch->count++];
    *event = (struct oc_io_event){
        .kind = (uint8_t)kind,
        .error = error,
        .conn = oc_io__conn_handle(base, conn),
        .tag = conn->tag,
    };
    oc_io__note(base, (enum oc_io_flight_kind)kind, event->conn, error);
    return event;
}

struct oc_io_event *oc_io__emit_bytes(struct oc_io__base *base, struct oc_io__batch *batch,
                                      const struct oc_io__conn *conn, uint8_t *bytes, uint32_t size)
{
    OC_ASSERT(batch->count < batch->capacity);

    struct oc_io_event *event = &batch->events[batch->count++];
    *event = (struct oc_io_event){
        .kind = OC_IO_RECEIVED,
        .conn = oc_io__conn_handle(base, conn),
        .tag = conn->tag,
        .bytes = bytes,
        .size = size,
    };
    oc_io__note(base, OC_IO_FLIGHT_RECEIVED, event->conn, (int32_t)size);
    return event;
}

void oc_io__emit_accept_failed(struct oc_io__base *base, struct oc_io__batch *batch, uint64_t tag,
                               int error)
{
    OC_ASSERT(batch->count < batch->capacity);

    batch->events[batch->count++] = (struct oc_io_event){
        .kind = OC_IO_ACCEPT_FAILED,
        .error = error,
        .tag = tag,
    };
    oc_io__note(base, OC_IO_FLIGHT_ACCEPT_FAILED, (struct oc_conn){0}, error);
    base->stats.accept_failures++;
}

void oc_io__deliver(struct oc_io__base *base, struct oc_io__batch *batch)
{
    if (base->lists[OC_IO__LIST_ENDED].count > 0) {
        deliver_closed(base, batch);
    }
    if (base->lists[OC_IO__LIST_REFUSED].count > 0) {
        deliver_drained(base, batch);
    }
    if (!oc_io__batch_is_full(batch) && atomic_load_explicit(&base->woken, memory_order_relaxed) &&
        atomic_exchange(&base->woken, false)) {
        batch->events[batch->count++] = (struct oc_io_event){.kind = OC_IO_WOKEN};
        oc_io__note(base, OC_IO_FLIGHT_WOKEN, (struct oc_conn){0}, 0);
        base->stats.wakes++;
    }
}

void oc_io__batch_done(struct oc_io__base *base, const struct oc_io__batch *batch)
{
    if (batch->count > 0) {
        oc_io__note(base, OC_IO_FLIGHT_POLLED, (struct oc_conn){0}, (int32_t)batch->count);
        oc_histogram_record(base->stats.batch, batch->count);
    }
}

/* --- listeners ----------------------------------------------------------------------------- */

int oc_io__listener_open(struct oc_io__base *base, int fd, uint64_t tag,
                         struct oc_io__listener **result)
{
    struct oc_io__listener *found = NULL;

    if (oc_io__listener_find(base, tag) != NULL) {
        return -EEXIST;
    }
    for (uint32_t i = 0; i < OC_IO__LISTENERS_MAX && found == NULL; i++) {
        if (base->listeners[i].state == OC_IO__LISTENER_FREE) {
            found = &base->listeners[i];
        }
    }
    if (found == NULL) {
        return -ENOSPC;
    }
    *found = (struct oc_io__listener){
        .fd = fd,
        .generation = found->generation + 1,
        .tag = tag,
        .state = OC_IO__LISTENER_OPEN,
    };
    oc_io__note(base, OC_IO_FLIGHT_LISTEN, (struct oc_conn){0}, 0);
    *result = found;
    return 0;
}

struct oc_io__listener *oc_io__listener_find(struct oc_io__base *base, uint64_t tag)
{
    for (uint32_t i = 0; i < OC_IO__LISTENERS_MAX; i++) {
        struct oc_io__listener *listener = &base->listeners[i];
        if (listener->state == OC_IO__LISTENER_OPEN && listener->tag == tag) {
            return listener;
        }
    }
    return NULL;
}

void oc_io__listener_set_pending(struct oc_io__base *base, struct oc_io__listener *listener,
                                 bool pending)
{
    if (listener->pending != pending) {
        base->listeners_pending += pending ? 1U : UINT32_MAX;
        listener->pending = pending;
    }
}

void oc_io__listener_retry_later(struct oc_io__base *base, const struct oc_io__listener *listener)
{
    uint32_t timer = base->config.connections_max + (uint32_t)(listener - base->listeners);

    if (!oc_timer_wheel_is_set(&base->wheel, timer)) {
        oc_timer_wheel_add(&base->wheel, timer,
                           oc_io__base_clock_ns(base) + OC_IO__ACCEPT_RETRY_NS);
    }
}

struct oc_io__conn *oc_io__listener_accepted(struct oc_io__base *base, struct oc_io__batch *batch,
                                             const struct oc_io__listener *listener, int fd)
{
    struct oc_io__conn *conn = oc_io__conn_open(base, fd, listener->tag, OC_IO__OPEN);

    if (conn == NULL) {
        close(fd);
        base->stats.system_calls++;
        oc_io__emit_accept_failed(base, batch, listener->tag, -EMFILE);
        return NULL;
    }
    base->stats.accepted++;
    oc_io__emit(base, batch, OC_IO_ACCEPTED, conn, 0);
    return conn;
}

bool oc_io__accept_is_transient(int error)
{
    switch (error) {
    case -EINTR:
    case -ECONNABORTED:
    case -EPROTO:
    case -ENOPROTOOPT:
    case -EHOSTDOWN:
    case -ENONET:
    case -EHOSTUNREACH:
    case -EOPNOTSUPP:
    case -ENETDOWN:
    case -ENETUNREACH:
        return true;
    default:
        return false;
    }
}

void oc_io__listener_close(struct oc_io__base *base, struct oc_io__listener *listener)
{
    oc_io__listener_set_pending(base, listener, false);
    oc_timer_wheel_cancel(&base->wheel,
                          base->config.connections_max + (uint32_t)(listener - base->listeners));
    listener->state = OC_IO__LISTENER_FREE;
    oc_io__note(base, OC_IO_FLIGHT_UNLISTENED, (struct oc_conn){0}, 0);
}

/* --- helpers ------------------------------------------------------------------------------- */

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static int config_check(const struct oc_io_config *config)
{
    bool right = config->connections_max >= 1 && config->connections_max <= CONNECTIONS_MAX &&
                 config->queue_depth >= 4 && config->queue_depth <= 32768 &&
                 is_power_of_two(config->queue_depth) && config->buffer_count >= 2 &&
                 config->buffer_count <= BUFFER_COUNT_MAX &&
                 is_power_of_two(config->buffer_count) && config->buffer_size >= 64 &&
                 config->buffer_size <= 65536 && config->chunk_count >= 2 &&
                 config->chunk_count <= 1U << 24 && config->out_bytes_max >= 1 &&
                 config->arena != NULL;

    return right ? 0 : -EINVAL;
}

static int base_allocate(struct oc_io__base *base)
{
    const struct oc_io_config *config = &base->config;
    struct oc_arena *arena = config->arena;
    size_t stride = (size_t)config->buffer_size + OC_IO__BUFFER_STAGGER_BYTES;
    /* Each chunk makes one piece; fan-out makes more, one for each connection and shared chunk. */
    uint32_t segments = 2 * config->chunk_count + 4 * config->connections_max;

    base->conns = oc_arena_alloc(arena, config->connections_max, sizeof(*base->conns), 0);
    base->timers = oc_arena_alloc(arena, config->connections_max + OC_IO__LISTENERS_MAX,
                                  sizeof(*base->timers), 0);
    base->buffers = oc_arena_alloc(arena, config->buffer_count, stride, 4096);
    base->borrowed = oc_arena_alloc(arena, config->buffer_count, sizeof(*base->borrowed), 0);
    base->flight = oc_arena_alloc(arena, OC_IO_FLIGHT_COUNT, sizeof(*base->flight), 0);
    base->told = oc_arena_alloc(arena, OC_IO_EVENTS_MAX, sizeof(*base->told), 0);
    base->stats.batch = oc_arena_alloc(arena, 1, sizeof(*base->stats.batch), 0);
    if (base->conns == NULL || base->timers == NULL || base->buffers == NULL ||
        base->borrowed == NULL || base->told == NULL || base->flight == NULL ||
        base->stats.batch == NULL) {
        return -ENOMEM;
    }
    int rc = oc_pool_init(&base->slots, arena, config->connections_max);
    if (rc < 0) {
        return rc;
    }
    /* The reserve is for input that is kept where it is, which must never fail: every receive
     * buffer, and the chunks of one batch, whose own pieces may be taken by copies meanwhile. */
    uint32_t reserve = config->buffer_count + OC_IO_EVENTS_MAX;
    return oc_io__chunks_init(&base->chunks, arena, config->chunk_count, segments + reserve,
                              reserve);
}

/** What was given back comes before it; and never is it in one batch with bytes of its connection,
 * so that those of the last batch can be given back, too. */
static void deliver_closed(struct oc_io__base *base, struct oc_io__batch *batch)
{
    uint32_t count = base->lists[OC_IO__LIST_ENDED].count;

    for (; count > 0 && !oc_io__batch_is_full(batch); count--) {
        struct oc_io__conn *conn = oc_io__list_pop(base, OC_IO__LIST_ENDED);
        OC_ASSERT(conn->listed == 0);
        if (conn->paused) {
            oc_io__conn_drop_unread(base, conn);
        } else if (!oc_io__queue_is_empty(&conn->unread)) {
            (void)oc_io__deliver_unread(base, batch, conn);
        }
        if (!conn->let_go && oc_io__was_told(base, conn)) {
            oc_io__list_push(base, OC_IO__LIST_ENDED, conn);
            continue;
        }
        oc_io__emit(base, batch, OC_IO_CLOSED, conn, conn->error);
        conn->state = OC_IO__FREE;
        oc_pool_give(&base->slots, oc_io__conn_index(base, conn));
        base->stats.connections--;
        base->stats.closed++;
    }
}

/** Not told before the refused bytes would find room: DRAINED and -ENOBUFS must not chase each
 * other while others hold the pool. */
static void deliver_drained(struct oc_io__base *base, struct oc_io__batch *batch)
{
    uint32_t count = base->lists[OC_IO__LIST_REFUSED].count;

    for (; count > 0 && !oc_io__batch_is_full(batch); count--) {
        struct oc_io__conn *conn = oc_io__list_pop(base, OC_IO__LIST_REFUSED);
        if (conn->out.size <= base->config.out_bytes_max / 2 &&
            oc_io__chunks_fit(&base->chunks, conn->refused_size)) {
            oc_io__emit(base, batch, OC_IO_DRAINED, conn, 0);
        } else {
            oc_io__list_push(base, OC_IO__LIST_REFUSED, conn);
        }
    }
}
