/*
 * Goal: after a crash or on demand the last operations of every instance can be read.
 * Method: an instance on a socket pair does something known, and the dump is read back: from a
 * call, from a signal handler, after a failed assertion of a child process, and after the ring has
 * gone round.
 * Fails if: an operation is missing, in the wrong order or without its number, the ring is torn at
 * its seam, dumping changes errno or blocks on a bad descriptor, or an instance is dumped after its
 * end.
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/assert.h"
#include "io/flight.h"

#define TEXT_BYTES (1U << 20)

static const struct oc_io_ops *const OPS = &oc_io_epoll_ops;

static struct bench {
    struct oc_arena arena;
    struct oc_io *io;
    struct oc_conn conn;
    int peer;
} bench;

static char text[TEXT_BYTES];

static int set_up(void **state)
{
    struct oc_io_config config = OC_IO_CONFIG_DEFAULT;
    int pair[2];

    (void)state;
    oc_arena_init(&bench.arena);
    config.connections_max = 4;
    config.buffer_count = 4;
    config.chunk_count = 8;
    config.arena = &bench.arena;
    assert_int_equal(OPS->open(&config, &bench.io), 0);
    assert_int_equal(OPS->start(bench.io), 0);
    oc_arena_seal(&bench.arena);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(OPS->adopt(bench.io, pair[0], 1, "", 0, &bench.conn), 0);
    bench.peer = pair[1];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    OPS->shutdown(bench.io);
    oc_arena_deinit(&bench.arena);
    close(bench.peer);
    return 0;
}

static void turn(void)
{
    struct oc_io_event events[16];
    uint64_t now_ns;

    assert_true(OPS->poll(bench.io, events, 16, 0, &now_ns) >= 0);
}

static void round_trip(void)
{
    char got[8];

    assert_int_equal(write(bench.peer, "question", 8), 8);
    turn();
    assert_int_equal(OPS->send(bench.io, bench.conn, "answer", 6), 0);
    turn();
    assert_int_equal(read(bench.peer, got, sizeof(got)), 6);
}

/** What `dump` writes. */
static const char *read_back(void (*dump)(int fd))
{
    int fd = memfd_create("dump", MFD_CLOEXEC);

    assert_true(fd >= 0);
    dump(fd);
    ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
    assert_true(size >= 0);
    text[size] = '\0';
    close(fd);
    return text;
}

static void dump_one(int fd)
{
    oc_io_flight_dump(bench.io, fd);
}

/** The texts come in this order. */
static void expect_in_order(const char *at, const char *const *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(at, wanted[i]);
        if (found == NULL) {
            fail_msg("\"%s\" is not behind what came before it in:\n%s", wanted[i], text);
        }
        at = found + strlen(wanted[i]);
    }
}

static uint32_t line_count(const char *at)
{
    uint32_t count = 0;

    for (; *at != '\0'; at++) {
        count += *at == '\n';
    }
    return count;
}

static void operations_are_told_in_order(void **state)
{
    static const char *const WANTED[] = {
        "io flight recorder of epoll, thread ",
        " operations, times before the last poll at ",
        "conn 0.1  adopt() 0 unread bytes\n",
        "conn 0.1  received 8 bytes\n",
        "  poll() returns 1 events\n",
        "conn 0.1  send() 6 bytes or error\n",
        "conn 0.1  the kernel took 6 bytes or error\n",
        "conn 0.1  receive(off)\n",
        "conn 0.1  receive(on)\n",
        "conn 0.1  end of input\n",
        "conn 0.1  close(FLUSH)\n",
        "conn 0.1  descriptor closed 0 error\n",
        "conn 0.1  closed 0 error\n",
        "conn 0.2  adopt() 3 unread bytes\n",
        "  woken\n",
    };
    int pair[2];

    (void)state;
    round_trip();
    assert_int_equal(OPS->receive(bench.io, bench.conn, false), 0);
    assert_int_equal(OPS->receive(bench.io, bench.conn, true), 0);
    assert_int_equal(shutdown(bench.peer, SHUT_WR), 0);
    turn();
    assert_int_equal(OPS->close(bench.io, bench.conn, OC_IO_CLOSE_FLUSH), 0);
    turn();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(OPS->adopt(bench.io, pair[0], 1, "abc", 3, &bench.conn), 0);
    OPS->wake(bench.io);
    turn();
    expect_in_order(read_back(dump_one), WANTED, sizeof(WANTED) / sizeof(WANTED[0]));
    close(pair[1]);
}

static void errors_and_ages_are_told(void **state)
{
    struct timespec wait = {.tv_nsec = 20000000};
    unsigned long long seconds;
    unsigned long long fraction;

    (void)state;
    round_trip();
    (void)nanosleep(&wait, NULL);
    close(bench.peer);
    assert_int_equal(OPS->send(bench.io, bench.conn, "late", 4), 0);
    turn();
    turn();
    const char *dump = read_back(dump_one);
    assert_non_null(strstr(dump, "the kernel took -32 bytes or error\n"));
    assert_non_null(strstr(dump, "sending broke -32 error\n"));
    const char *received = strstr(dump, "conn 0.1  received");
    while (received[-1] != '\n') {
        received--;
    }
    assert_int_equal(sscanf(received, "  -%llu.%9llu s", &seconds, &fraction), 2);
    assert_true(seconds * 1000000000ULL + fraction >= 20000000);
    assert_true(seconds < 60);
    bench.peer = dup(0);
}

static void the_ring_goes_round(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < OC_IO_FLIGHT_COUNT; i++) {
        round_trip();
    }
    const char *dump = read_back(dump_one);
    assert_int_equal(line_count(dump), 1 + OC_IO_FLIGHT_COUNT);
    assert_non_null(strstr(dump, ": 4096 of "));
    assert_null(strstr(dump, "adopt()"));
    /* Oldest first: ages only fall. */
    unsigned long long before = UINT64_MAX;
    for (const char *line = strchr(dump, '\n') + 1; *line != '\0'; line = strchr(line, '\n') + 1) {
        unsigned long long seconds;
        unsigned long long fraction;
        assert_int_equal(sscanf(line, "  -%llu.%9llu s", &seconds, &fraction), 2);
        assert_true(seconds * 1000000000ULL + fraction <= before);
        before = seconds * 1000000000ULL + fraction;
    }
}

static void dump_from_handler(int number)
{
    (void)number;
    oc_io_flight_dump_all(bench.peer);
}

static void dump_by_signal(int fd)
{
    struct sigaction action = {.sa_handler = dump_from_handler};
    int peer = bench.peer;

    bench.peer = fd;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    errno = ENOTTY;
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(errno, ENOTTY);
    assert_true(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
    bench.peer = peer;
}

static void a_signal_handler_dumps_all(void **state)
{
    struct bench first = bench;

    (void)state;
    round_trip();
    assert_int_equal(set_up(state), 0);
    const char *dump = read_back(dump_by_signal);
    const char *second = strstr(dump + 1, "io flight recorder");
    assert_non_null(second);
    assert_non_null(strstr(dump, "received 8 bytes"));
    assert_null(strstr(second, "received"));
    assert_int_equal(tear_down(state), 0);
    bench = first;
    assert_null(strstr(read_back(dump_by_signal) + 1, "io flight recorder"));
}

static void a_bad_descriptor_is_survived(void **state)
{
    int pair[2];

    (void)state;
    errno = 0;
    oc_io_flight_dump(bench.io, -1);
    assert_int_equal(errno, 0);
    assert_int_equal(pipe(pair), 0);
    close(pair[0]);
    assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    oc_io_flight_dump(bench.io, pair[1]);
    assert_int_equal(errno, 0);
    close(pair[1]);
}

/** A child whose assertion fails leaves its last operations on stderr. */
static void a_failed_assertion_dumps_all(void **state)
{
    static const char *const WANTED[] = {"assertion failed: told->kept_size == 0",
                                         "io flight recorder of epoll", "received 8 bytes",
                                         "unreceive() 8 bytes"};
    int ends[2];
    int status;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct oc_io_event event;
        uint64_t now_ns;
        (void)dup2(ends[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        oc_assert_set_hook(oc_io_flight_on_assert);
        (void)!write(bench.peer, "question", 8);
        (void)OPS->poll(bench.io, &event, 1, 0, &now_ns);
        (void)OPS->unreceive(bench.io, event.conn, event.bytes, 8);
        (void)OPS->unreceive(bench.io, event.conn, event.bytes, 8);
        _exit(0);
    }
    close(ends[1]);
    size_t size = 0;
    ssize_t some;
    while ((some = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0) {
        size += (size_t)some;
    }
    text[size] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    expect_in_order(text, WANTED, sizeof(WANTED) / sizeof(WANTED[0]));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(operations_are_told_in_order), CASE(errors_and_ages_are_told),
        CASE(the_ring_goes_round),          CASE(a_signal_handler_dumps_all),
        CASE(a_bad_descriptor_is_survived), CASE(a_failed_assertion_dumps_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
