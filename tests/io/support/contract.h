/*
 * The driver of the contract suite: one backend in this thread, real peers on loopback.
 *
 * Every event of every test passes through one check of what the contract promises of any stream of
 * events (nothing before the first and after CLOSED, EOF once and behind all bytes, bytes never
 * empty), so each test also tests that.
 */
#ifndef OC_TESTS_IO_CONTRACT_H
#define OC_TESTS_IO_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/arena.h"
#include "io/io.h"
#include "io/socket.h"

#define CONTRACT_TAG           7U
#define CONTRACT_PATIENCE_MS   5000U
#define CONTRACT_CONNS_TRACKED 4096U

/** What happened to one slot's present or last connection. */
struct contract_conn {
    struct oc_conn handle;
    uint64_t tag;
    bool open; /* from ACCEPTED, CONNECTED or adopt() to CLOSED */
    bool connecting;
    bool eof;
    bool closed;
    int error; /* of CLOSED or CONNECTED */
    uint32_t drained;
    bool gives_back;      /* in this batch, because of contract.quota */
    uint32_t taken;       /* bytes of this batch, while there is a quota */
    uint64_t received_at; /* number of the poll that told bytes last */
    uint8_t *bytes;       /* all that was received */
    size_t size;
    size_t capacity;
};

struct contract {
    const struct oc_io_ops *ops;
    struct oc_io *io;
    struct oc_arena arena;
    struct oc_io_address address;
    int listen_fd;
    uint32_t capacity; /* of each poll */
    bool echo;         /* send back what comes */
    /* Of each connection and batch only so many bytes are taken, and the rest is given back; 0: all
     * is taken. */
    uint32_t quota;
    uint32_t quota_returned; /* unreceive() calls */
    uint32_t quota_refused;  /* those that said -ENOTCONN */
    struct contract_conn *conns;
    struct oc_conn last; /* accepted */
    uint32_t accepted;
    uint32_t accept_failed;
    int accept_error;
    uint32_t connected;
    uint32_t closed;
    uint32_t woken;
    uint64_t now_ns;
    uint64_t polls;
    /* Called for each event after it was noted; may be NULL. */
    void (*on_event)(struct contract *contract, const struct oc_io_event *event);
    uint64_t counter; /* for on_event */
};

/** A small default for tests: 256 connections, 32 buffers of 2 KiB, 256 chunks. */
struct oc_io_config contract_config(void);

/** The backend, started, with one listener on 127.0.0.1 and CONTRACT_TAG. */
void contract_open(struct contract *contract, const struct oc_io_config *config);
void contract_close(struct contract *contract);

/** A listening socket on 127.0.0.1 with a port of its own. */
int contract_listener(struct oc_io_address *address);

/** One poll, its events noted. Returns their number. */
int contract_poll(struct contract *contract, uint64_t timeout_ns);

/** Polls until `*counter` reaches `value`; fails the test after CONTRACT_PATIENCE_MS. */
void contract_until(struct contract *contract, const uint32_t *counter, uint32_t value);

/** Polls until so many bytes came from a connection. */
void contract_until_received(struct contract *contract, struct oc_conn conn, size_t size);

void contract_until_eof(struct contract *contract, struct oc_conn conn);
void contract_until_closed(struct contract *contract, struct oc_conn conn);

/** Polls for a while, whatever comes. */
void contract_poll_for_ms(struct contract *contract, uint32_t ms);

struct contract_conn *contract_conn(struct contract *contract, struct oc_conn conn);

/** A peer's socket, connected to the listener; not yet accepted. */
int contract_peer(struct contract *contract);

/** A peer whose connection was accepted; *conn is the backend's end. */
int contract_accepted_peer(struct contract *contract, struct oc_conn *conn);

/** Writes everything, polling meanwhile. */
void contract_peer_write(struct contract *contract, int fd, const void *bytes, size_t size);

/** Reads until `size` bytes, the end or an error, polling meanwhile. Returns the bytes read; *end
 * is 0 (full), 1 (EOF) or -errno. */
size_t contract_peer_read(struct contract *contract, int fd, void *bytes, size_t size, int *end);

/** Reads exactly `size` bytes and compares them. */
void contract_peer_expect(struct contract *contract, int fd, const void *bytes, size_t size);

/** Sends until the connection's peer, who does not read, has made it stand still; what is owed then
 * is more than a half of out_bytes_max. Returns the bytes that send() took. */
uint64_t contract_fill(struct contract *contract, struct oc_conn conn, const void *bytes,
                       uint32_t size);

/** close(2) with a reset. */
void contract_peer_reset(int fd);

struct oc_io_stats contract_stats(const struct contract *contract);

/** Descriptors that this process has open. */
uint32_t contract_fd_count(void);

/** CLOCK_MONOTONIC. */
uint64_t contract_clock_ns(void);

/** Bytes that tell their place: a shift or a swap shows. */
void contract_pattern(uint8_t *bytes, size_t size, uint32_t seed);

/** The tables to test, from CMake: runs all tests on each backend. Returns main's result. */
int contract_run(const struct CMUnitTest *tests, size_t count);

/** The backend under test. */
extern const struct oc_io_ops *contract_ops;

static inline bool contract_is_uring(void)
{
    return contract_ops == &oc_io_uring_ops;
}

#endif
