/*
 * A server in a thread of the test, and a blocking client of a few calls.
 */
#ifndef OC_TESTS_SERVER_BENCH_H
#define OC_TESTS_SERVER_BENCH_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "server/server.h"

struct bench_server {
    struct oc_server *server;
    pthread_t thread;
    int rc;
};

/** One way to serve: a backend, and how many threads do what. */
struct bench_mode {
    const struct oc_io_ops *ops;
    enum oc_server_engine engine;
    uint32_t io_threads;
    char name[48]; /* "epoll, dedicated with 2 io threads" */
};

/**
 * Calls run() for inline and for dedicated with 1, 2 and 4 io threads, on each backend that this
 * kernel has (and says so where it has no io_uring). Returns the sum of what it returned.
 */
int bench_for_each_mode(int (*run)(const struct bench_mode *mode));

/** A configuration with small limits, port 0 on loopback, a clock that stands still. */
struct oc_server_config bench_config(const struct bench_mode *mode);

/** The UTC that bench_config() stamps on every command. */
#define BENCH_UTC_NS 1732233600000000000ULL

/** Opens the server and runs it in a thread; fails the test where it cannot. */
void bench_start(struct bench_server *bench, const struct oc_server_config *config);

/** Stops it, joins the thread and closes it; fails the test if run() did not return 0. */
void bench_stop(struct bench_server *bench);

/** The same without closing, so that its counters can be read; bench_close() follows. */
void bench_join(struct bench_server *bench);
void bench_close(struct bench_server *bench);

/** A connected socket (TCP_NODELAY). */
int bench_connect(const struct bench_server *bench);

/** Sends a frame with this text. */
void bench_send(int fd, const char *json);

/** Receives the next frame's text into static memory; "EOF" at the end of the stream. */
const char *bench_receive(int fd);

/** The next frame must be exactly this text. */
void bench_expect(int fd, const char *json);

/** Waits until every command so far was applied: sends a ping and reads up to its pong. */
void bench_settle(int fd);

#endif
