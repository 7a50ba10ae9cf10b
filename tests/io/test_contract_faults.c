/*
 * Goal: a system call that is interrupted or finds no memory loses nothing.
 * Method: this program has recv, send, sendmsg, accept4, epoll_wait and epoll_pwait2 of its own in
 * front of libc's. While the backend polls, they answer EINTR, and accept4 also what a network or a
 * full machine makes it answer, as a seed says; then the call is made again or not, by the
 * backend's own choice. Connections come, echo and go meanwhile. Each fault must have been injected
 * on epoll; io_uring makes none of these calls (test_uring_faults.c has its own). Fails if: a byte
 * is lost, doubled or out of order, a connection is forgotten, something leaks, or poll() takes one
 * of these answers for its end.
 */
#define _GNU_SOURCE /* RTLD_NEXT, accept4 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/random.h"
#include "support/contract.h"

#define OPS(contract) ((contract).ops)
#define STREAM_BYTES  30000U

enum call { RECV, SEND, SENDMSG, ACCEPT, WAIT, PWAIT2, CALLS };

static struct {
    bool on;
    bool in_poll; /* what the peers of the test do is left alone */
    struct oc_random random;
    uint32_t seen[CALLS];
    const struct oc_io_ops *real_ops;
    struct oc_io_ops ops;
} faults;

static uint8_t stream[STREAM_BYTES];

static bool strikes(enum call call)
{
    if (!faults.on || !faults.in_poll || oc_random_below(&faults.random, 4) > 0) {
        return false;
    }
    faults.seen[call]++;
    errno = EINTR;
    return true;
}

/** libc's own, whose name is `name`, as a function pointer in `real`. */
#define REAL(real, name)                        \
    do {                                        \
        void *symbol = dlsym(RTLD_NEXT, name);  \
        memcpy(&(real), &symbol, sizeof(real)); \
    } while (0)

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    ssize_t (*real)(int, void *, size_t, int);

    REAL(real, "recv");
    return strikes(RECV) ? -1 : real(fd, bytes, size, flags);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int);

    REAL(real, "send");
    return strikes(SEND) ? -1 : real(fd, bytes, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*real)(int, const struct msghdr *, int);

    REAL(real, "sendmsg");
    return strikes(SENDMSG) ? -1 : real(fd, message, flags);
}

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    static const int ERRORS[] = {EINTR, ECONNABORTED, EPROTO, ENETDOWN, EMFILE, ENOBUFS, ENOMEM};
    int (*real)(int, struct sockaddr *restrict, socklen_t *restrict, int);

    REAL(real, "accept4");
    if (strikes(ACCEPT)) {
        errno = ERRORS[oc_random_below(&faults.random, sizeof(ERRORS) / sizeof(ERRORS[0]))];
        return -1;
    }
    return real(fd, address, size, flags);
}

int epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout_ms)
{
    int (*real)(int, struct epoll_event *, int, int);

    REAL(real, "epoll_wait");
    return strikes(WAIT) ? -1 : real(fd, events, capacity, timeout_ms);
}

int epoll_pwait2(int fd, struct epoll_event *events, int capacity, const struct timespec *timeout,
                 const sigset_t *mask)
{
    int (*real)(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);

    REAL(real, "epoll_pwait2");
    return strikes(PWAIT2) ? -1 : real(fd, events, capacity, timeout, mask);
}

static int poll_with_faults(struct oc_io *io, struct oc_io_event *events, uint32_t capacity,
                            uint64_t timeout_ns, uint64_t *now_ns)
{
    faults.in_poll = true;
    int count = faults.real_ops->poll(io, events, capacity, timeout_ns, now_ns);
    faults.in_poll = false;
    return count;
}

static void play(uint64_t seed)
{
    enum { PEERS = 5, GENERATIONS = 4 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PEERS];
    int peers[PEERS];

    oc_random_init(&faults.random, seed);
    contract_open(&contract, &config);
    contract_poll(&contract, 0);
    uint32_t fds = contract_fd_count();
    faults.real_ops = contract.ops;
    faults.ops = *contract.ops;
    faults.ops.poll = poll_with_faults;
    contract.ops = &faults.ops;
    contract.echo = true;
    faults.on = true;
    contract_pattern(stream, STREAM_BYTES, (uint32_t)seed);
    for (uint32_t generation = 1; generation <= GENERATIONS; generation++) {
        for (uint32_t p = 0; p < PEERS; p++) {
            peers[p] = contract_accepted_peer(&contract, &conns[p]);
            contract_peer_write(&contract, peers[p], stream + p, 10);
            contract_peer_expect(&contract, peers[p], stream + p, 10);
            contract_peer_write(&contract, peers[p], stream + p, 20000);
        }
        for (uint32_t p = 0; p < PEERS; p++) {
            contract_peer_expect(&contract, peers[p], stream + p, 20000);
            assert_int_equal(OPS(contract)->close(contract.io, conns[p], OC_IO_CLOSE_FLUSH), 0);
            close(peers[p]);
        }
        contract_until(&contract, &contract.closed, generation * PEERS);
    }
    faults.on = false;
    contract_poll(&contract, 0);
    contract_poll(&contract, 0);
    assert_int_equal(contract_stats(&contract).buffers_used, 0);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    assert_int_equal(contract_fd_count(), fds);
    contract_close(&contract);
}

static void calls_that_fail_for_now(void **state)
{
    (void)state;
    memset(faults.seen, 0, sizeof(faults.seen));
    for (uint64_t seed = 1; seed <= 4; seed++) {
        printf("             seed %llu\n", (unsigned long long)seed);
        play(seed);
    }
    for (uint32_t i = 0; i < CALLS && !contract_is_uring(); i++) {
        assert_true(faults.seen[i] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_fail_for_now),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}
