/*
 * The driver of the contract suite: see contract.h.
 */
#define _GNU_SOURCE /* accept4 */
#include "support/contract.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/version.h"
#include "io/probe.h"

#define TESTS_MAX 64

const struct oc_io_ops *contract_ops;

static void note(struct contract *contract, const struct oc_io_event *event);
static void note_open(struct contract *contract, const struct oc_io_event *event);
static void note_received(struct contract *contract, struct contract_conn *conn,
                          const struct oc_io_event *event);
static uint32_t give_back(struct contract *contract, struct contract_conn *conn,
                          const struct oc_io_event *event);

struct oc_io_config contract_config(void)
{
    struct oc_io_config config = OC_IO_CONFIG_DEFAULT;

    config.connections_max = 256;
    config.queue_depth = 64;
    config.buffer_count = 32;
    config.buffer_size = 2048;
    config.chunk_count = 256;
    config.out_bytes_max = 1U << 18;
    return config;
}

void contract_open(struct contract *contract, const struct oc_io_config *wanted)
{
    struct oc_io_config config = *wanted;

    *contract = (struct contract){.ops = contract_ops, .capacity = OC_IO_EVENTS_MAX};
    contract->conns = calloc(CONTRACT_CONNS_TRACKED, sizeof(*contract->conns));
    assert_non_null(contract->conns);
    oc_arena_init(&contract->arena);
    config.arena = &contract->arena;
    assert_int_equal(contract->ops->open(&config, &contract->io), 0);
    assert_int_equal(contract->ops->start(contract->io), 0);
    assert_ptr_equal(contract->io->ops, contract->ops);
    oc_arena_seal(&contract->arena); /* from here on an allocation asserts */
    contract->listen_fd = contract_listener(&contract->address);
    assert_int_equal(contract->ops->listen(contract->io, contract->listen_fd, CONTRACT_TAG), 0);
}

void contract_close(struct contract *contract)
{
    if (contract->listen_fd >= 0) {
        (void)contract->ops->unlisten(contract->io, CONTRACT_TAG);
        close(contract->listen_fd);
    }
    contract->ops->shutdown(contract->io);
    oc_arena_deinit(&contract->arena);
    for (uint32_t i = 0; i < CONTRACT_CONNS_TRACKED; i++) {
        free(contract->conns[i].bytes);
    }
    free(contract->conns);
}

int contract_listener(struct oc_io_address *address)
{
    struct oc_io_listen_options options = {.backlog = 1024, .congestion = "reno"};
    struct oc_io_address any;
    char error[OC_IO_SOCKET_ERROR_BYTES] = "";

    assert_int_equal(oc_io_address_parse("127.0.0.1:0", &any, error), 0);
    int fd = oc_io_listen_open(&any, &options, address, error);
    if (fd < 0) {
        fail_msg("%s", error);
    }
    return fd;
}

int contract_poll(struct contract *contract, uint64_t timeout_ns)
{
    struct oc_io_event events[OC_IO_EVENTS_MAX];

    int count = contract->ops->poll(contract->io, events, contract->capacity, timeout_ns,
                                    &contract->now_ns);
    contract->polls++;
    assert_true(count >= 0);
    assert_true((uint32_t)count <= contract->capacity);
    for (int i = 0; i < count && contract->quota > 0; i++) {
        contract_conn(contract, events[i].conn)->taken = 0;
        contract_conn(contract, events[i].conn)->gives_back = false;
    }
    for (int i = 0; i < count; i++) {
        note(contract, &events[i]);
        if (contract->on_event != NULL) {
            contract->on_event(contract, &events[i]);
        }
    }
    return count;
}

static void until(struct contract *contract, uint64_t *deadline_ns, const char *what)
{
    if (*deadline_ns == 0) {
        *deadline_ns = contract_clock_ns() + CONTRACT_PATIENCE_MS * 1000000ULL;
    }
    if (contract_clock_ns() > *deadline_ns) {
        fail_msg("%s: waited %u ms in vain for %s", contract->ops->name, CONTRACT_PATIENCE_MS,
                 what);
    }
    contract_poll(contract, 10000000);
}

void contract_until(struct contract *contract, const uint32_t *counter, uint32_t value)
{
    for (uint64_t deadline_ns = 0; *counter < value;) {
        until(contract, &deadline_ns, "a number of events");
    }
}

void contract_until_received(struct contract *contract, struct oc_conn conn, size_t size)
{
    for (uint64_t deadline_ns = 0; contract_conn(contract, conn)->size < size;) {
        until(contract, &deadline_ns, "bytes");
    }
}

void contract_until_eof(struct contract *contract, struct oc_conn conn)
{
    for (uint64_t deadline_ns = 0; !contract_conn(contract, conn)->eof;) {
        until(contract, &deadline_ns, "EOF");
    }
}

void contract_until_closed(struct contract *contract, struct oc_conn conn)
{
    for (uint64_t deadline_ns = 0; !contract_conn(contract, conn)->closed;) {
        until(contract, &deadline_ns, "CLOSED");
    }
}

void contract_poll_for_ms(struct contract *contract, uint32_t ms)
{
    uint64_t deadline_ns = contract_clock_ns() + ms * 1000000ULL;

    for (uint64_t now_ns = contract_clock_ns(); now_ns < deadline_ns;
         now_ns = contract_clock_ns()) {
        contract_poll(contract, deadline_ns - now_ns);
    }
}

struct contract_conn *contract_conn(struct contract *contract, struct oc_conn conn)
{
    assert_true(conn.index < CONTRACT_CONNS_TRACKED);
    return &contract->conns[conn.index];
}

int contract_peer(struct contract *contract)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(
        connect(fd, (struct sockaddr *)&contract->address.storage, contract->address.size), 0);
    return fd;
}

int contract_accepted_peer(struct contract *contract, struct oc_conn *conn)
{
    uint32_t before = contract->accepted;
    int fd = contract_peer(contract);

    contract_until(contract, &contract->accepted, before + 1);
    *conn = contract->last;
    return fd;
}

void contract_peer_write(struct contract *contract, int fd, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;

    for (uint64_t deadline_ns = 0; size > 0;) {
        ssize_t sent = send(fd, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            from += sent;
            size -= (size_t)sent;
            deadline_ns = 0;
            continue;
        }
        assert_int_equal(errno, EAGAIN);
        until(contract, &deadline_ns, "room to write");
    }
}

size_t contract_peer_read(struct contract *contract, int fd, void *bytes, size_t size, int *end)
{
    uint8_t *to = bytes;
    size_t done = 0;

    *end = 0;
    for (uint64_t deadline_ns = 0; done < size;) {
        ssize_t received = recv(fd, to + done, size - done, MSG_DONTWAIT);
        if (received > 0) {
            done += (size_t)received;
            deadline_ns = 0;
            continue;
        }
        if (received == 0) {
            *end = 1;
            break;
        }
        if (errno != EAGAIN) {
            *end = -errno;
            break;
        }
        if (deadline_ns == 0) {
            deadline_ns = contract_clock_ns() + CONTRACT_PATIENCE_MS * 1000000ULL;
        }
        if (contract_clock_ns() > deadline_ns) {
            fail_msg("%s: the peer got %zu of %zu bytes and no more", contract->ops->name, done,
                     size);
        }
        if (contract_poll(contract, 0) == 0) {
            struct pollfd readable = {.fd = fd, .events = POLLIN};
            (void)poll(&readable, 1, 1);
        }
    }
    return done;
}

void contract_peer_expect(struct contract *contract, int fd, const void *bytes, size_t size)
{
    uint8_t *got = malloc(size + 1);
    int end;

    assert_non_null(got);
    size_t done = contract_peer_read(contract, fd, got, size, &end);
    if (done != size) {
        fail_msg("%s: the peer got %zu of %zu bytes, then %d", contract->ops->name, done, size,
                 end);
    }
    assert_memory_equal(got, bytes, size);
    free(got);
}

uint64_t contract_fill(struct contract *contract, struct oc_conn conn, const void *bytes,
                       uint32_t size)
{
    uint64_t taken = 0;
    uint32_t owed = 0;

    /* The kernel's buffers grow while they are filled: only standing still is standing still. */
    uint64_t deadline_ns = contract_clock_ns() + CONTRACT_PATIENCE_MS * 1000000ULL;
    for (uint32_t still = 0; still < 30;) {
        assert_true(contract_clock_ns() < deadline_ns);
        while (contract->ops->send(contract->io, conn, bytes, size) == 0) {
            taken += size;
        }
        contract_poll(contract, 1000000);
        uint32_t now_owed = contract->ops->owed(contract->io, conn);
        still = now_owed == owed && now_owed > 0 ? still + 1 : 0;
        owed = now_owed;
    }
    return taken;
}

void contract_peer_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    close(fd);
}

struct oc_io_stats contract_stats(const struct contract *contract)
{
    struct oc_io_stats stats;

    contract->ops->stats(contract->io, &stats);
    return stats;
}

uint32_t contract_fd_count(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint32_t count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

uint64_t contract_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

void contract_pattern(uint8_t *bytes, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)((i * 2654435761U + seed * 40503U) >> 13);
    }
}

/** True if io_uring is tested; false if this kernel or build cannot, which it explains. */
static bool uring_is_there(void)
{
    struct oc_io_probe_report report;
    char reason[OC_IO_REASON_BYTES];
    unsigned major = 0;
    unsigned minor = 0;

    if (oc_io_choose(OC_IO_MODE_URING, &report, reason, sizeof(reason)) != NULL) {
        return true;
    }
    printf("[  SKIPPED ] io_uring: %s\n", reason);
    (void)sscanf(report.kernel, "%u.%u", &major, &minor);
    bool allowed = OC_HAVE_LIBURING && report.sysctl_disabled <= 0 && report.seccomp_mode == 0 &&
                   (major > 6 || (major == 6 && minor >= 1)) && report.memlock_bytes >= 1U << 20;
    if (allowed) {
        printf("[  FAILED  ] io_uring skipped on a kernel that can do it\n");
        exit(1);
    }
    return false;
}

int contract_run(const struct CMUnitTest *tests, size_t count)
{
    const struct oc_io_ops *const backends[] = {&oc_io_epoll_ops, &oc_io_uring_ops};
    struct CMUnitTest named[TESTS_MAX];
    char names[TESTS_MAX][128];
    int failed = 0;

    assert_true(count <= TESTS_MAX);
    for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++) {
        if (backends[b] == &oc_io_uring_ops && !uring_is_there()) {
            continue;
        }
        contract_ops = backends[b];
        for (size_t i = 0; i < count; i++) {
            snprintf(names[i], sizeof(names[i]), "%s: %s", contract_ops->name, tests[i].name);
            named[i] = tests[i];
            named[i].name = names[i];
        }
        failed += _cmocka_run_group_tests(contract_ops->name, named, count, NULL, NULL);
    }
    return failed;
}

/** What must hold of any event at all. */
static void note(struct contract *contract, const struct oc_io_event *event)
{
    struct contract_conn *conn = contract_conn(contract, event->conn);

    if (event->kind == OC_IO_WOKEN) {
        contract->woken++;
        return;
    }
    if (event->kind == OC_IO_ACCEPT_FAILED) {
        contract->accept_failed++;
        contract->accept_error = event->error;
        assert_true(event->error < 0);
        return;
    }
    if (event->kind == OC_IO_ACCEPTED) {
        note_open(contract, event);
        contract->accepted++;
        contract->last = event->conn;
        return;
    }
    if (event->kind == OC_IO_CONNECTED && !conn->open) {
        note_open(contract, event);
    }
    assert_true(conn->open);
    assert_int_equal(conn->handle.generation, event->conn.generation);
    switch (event->kind) {
    case OC_IO_CONNECTED:
        contract->connected++;
        conn->error = event->error;
        break;
    case OC_IO_RECEIVED:
        note_received(contract, conn, event);
        break;
    case OC_IO_EOF:
        assert_false(conn->eof);
        conn->eof = !(contract->quota > 0 && conn->gives_back);
        break;
    case OC_IO_DRAINED:
        conn->drained++;
        break;
    case OC_IO_CLOSED:
        /* Bytes of this batch could not be given back any more. */
        assert_true(conn->received_at != contract->polls);
        conn->open = false;
        conn->closed = true;
        conn->error = event->error;
        contract->closed++;
        break;
    default:
        fail_msg("unknown event %u", event->kind);
    }
}

static void note_open(struct contract *contract, const struct oc_io_event *event)
{
    struct contract_conn *conn = contract_conn(contract, event->conn);

    assert_false(conn->open);
    assert_true(event->conn.generation > 0);
    assert_int_not_equal(conn->handle.generation, event->conn.generation);
    free(conn->bytes);
    *conn = (struct contract_conn){.handle = event->conn, .tag = event->tag, .open = true};
}

static void note_received(struct contract *contract, struct contract_conn *conn,
                          const struct oc_io_event *event)
{
    assert_false(conn->eof);
    assert_true(event->size > 0);
    assert_non_null(event->bytes);
    conn->received_at = contract->polls;
    uint32_t size = contract->quota == 0 ? event->size : give_back(contract, conn, event);
    if (conn->size + size > conn->capacity) {
        conn->capacity = 2 * (conn->size + size);
        conn->bytes = realloc(conn->bytes, conn->capacity);
        assert_non_null(conn->bytes);
    }
    memcpy(conn->bytes + conn->size, event->bytes, size);
    conn->size += size;
    if (contract->echo) {
        assert_int_equal(contract->ops->send(contract->io, event->conn, event->bytes, size), 0);
    }
    memset(event->bytes, 0xdd, size); /* borrowed bytes are writable */
}

/** Gives back what is above the quota. Returns how many bytes are taken. */
static uint32_t give_back(struct contract *contract, struct contract_conn *conn,
                          const struct oc_io_event *event)
{
    uint32_t left = contract->quota - conn->taken;
    uint32_t size = event->size < left ? event->size : left;

    conn->taken += size;
    if (size == event->size) {
        return size;
    }
    int rc = contract->ops->unreceive(contract->io, event->conn, event->bytes + size,
                                      event->size - size);
    assert_true(rc == 0 || rc == -ENOTCONN);
    contract->quota_returned++;
    contract->quota_refused += rc != 0;
    conn->gives_back = true;
    return size;
}
