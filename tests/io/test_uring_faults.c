/*
 * Goal: an io_uring_enter that does less than it was asked for, or nothing, loses nothing.
 * Method: this program has an io_uring_enter2 of its own in front of liburing's. As a seed says it
 * lets the kernel take only some of the submissions, or answers EINTR, EAGAIN (no memory) or EBUSY
 * (no room for completions) without entering; all as the kernel may. Meanwhile connections are
 * made, echo, pause, and end. Each kind of fault must have been injected.
 * Fails if: a byte is lost, doubled or out of order, an operation is forgotten, something leaks, or
 * poll() takes one of these answers for the end of the ring.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/random.h"
#include "support/contract.h"

#define OPS(contract) ((contract).ops)
#define STREAM_BYTES  20000U

enum fault { PARTIAL, INTERRUPTED, NO_MEMORY, BUSY, FAULTS };

static struct {
    bool on;
    uint32_t per_mille; /* of the enters that go wrong */
    struct oc_random random;
    uint32_t seen[FAULTS];
} faults;

static uint8_t stream[STREAM_BYTES];

/** In the place of liburing's. */
int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags,
                    sigset_t *mask, size_t size)
{
    static int (*real)(unsigned, unsigned, unsigned, unsigned, sigset_t *, size_t);

    if (real == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "io_uring_enter2");
        memcpy(&real, &symbol, sizeof(real));
    }
    if (!faults.on || oc_random_below(&faults.random, 1000) >= faults.per_mille) {
        return real(fd, to_submit, min_complete, flags, mask, size);
    }
    enum fault fault = (enum fault)oc_random_below(&faults.random, FAULTS);
    if (fault == PARTIAL && to_submit < 2) {
        fault = INTERRUPTED;
    }
    faults.seen[fault]++;
    switch (fault) {
    case PARTIAL:
        /* What is submitted in part does not wait. */
        return real(fd, 1 + (unsigned)oc_random_below(&faults.random, to_submit - 1), 0, flags,
                    mask, size);
    case INTERRUPTED:
        return -EINTR;
    case NO_MEMORY:
        return -EAGAIN;
    case BUSY:
    case FAULTS:
        break;
    }
    return -EBUSY;
}

/** Six connections at a time that come, echo, pause and go. */
static void play(uint64_t seed)
{
    enum { PEERS = 6, GENERATIONS = 4 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PEERS];
    int peers[PEERS];

    oc_random_init(&faults.random, seed);
    config.queue_depth = 4U << seed % 3;
    config.buffer_count = 4;
    config.buffer_size = 512;
    contract_open(&contract, &config);
    contract_poll(&contract, 0);
    uint32_t fds = contract_fd_count();
    contract.echo = true;
    faults.on = contract_is_uring();
    for (uint32_t generation = 0; generation < GENERATIONS; generation++) {
        for (uint32_t p = 0; p < PEERS; p++) {
            peers[p] = contract_accepted_peer(&contract, &conns[p]);
        }
        contract_pattern(stream, STREAM_BYTES, (uint32_t)seed + generation);
        for (uint32_t round = 0; round < 8; round++) {
            for (uint32_t p = 0; p < PEERS; p++) {
                contract_peer_write(&contract, peers[p], stream + 2000 * round + p, 2000);
                bool on = (p + round) % 3 != 0;
                assert_int_equal(OPS(contract)->receive(contract.io, conns[p], on), 0);
                contract_poll(&contract, 0);
                assert_int_equal(OPS(contract)->receive(contract.io, conns[p], true), 0);
            }
        }
        for (uint32_t p = 0; p < PEERS; p++) {
            for (uint32_t round = 0; round < 8; round++) {
                contract_peer_expect(&contract, peers[p], stream + 2000 * round + p, 2000);
            }
            /* Ends with an answer on its way, with all operations in flight, or by the peer. */
            if (p % 3 == 0) {
                assert_int_equal(OPS(contract)->close(contract.io, conns[p], OC_IO_CLOSE_FLUSH), 0);
            } else if (p % 3 == 1) {
                assert_int_equal(OPS(contract)->close(contract.io, conns[p], OC_IO_CLOSE_ABORT), 0);
            }
            if (p % 3 == 2) {
                contract_peer_reset(peers[p]);
            } else {
                close(peers[p]);
            }
        }
        contract_until(&contract, &contract.closed, (generation + 1) * PEERS);
    }
    /* An unlisten, too, may meet faults; the listener is gone all the same when it is closed. */
    assert_int_equal(OPS(contract)->unlisten(contract.io, CONTRACT_TAG), 0);
    close(contract.listen_fd);
    contract.listen_fd = -1;
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        connect(late, (struct sockaddr *)&contract.address.storage, contract.address.size), -1);
    close(late);
    faults.on = false;
    contract_poll(&contract, 0);
    contract_poll(&contract, 0);
    struct oc_io_stats stats = contract_stats(&contract);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.buffers_used, 0);
    assert_int_equal(stats.chunks_used, 0);
    assert_int_equal(contract_fd_count(), fds - 1); /* the listener */
    contract_close(&contract);
}

static void enters_that_do_less_than_asked(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof(faults));
    for (uint64_t seed = 1; seed <= 12; seed++) {
        faults.per_mille = seed % 4 == 0 ? 500 : 200;
        printf("             seed %llu\n", (unsigned long long)seed);
        play(seed);
    }
    printf("             %u partial submits, %u EINTR, %u EAGAIN, %u EBUSY\n", faults.seen[PARTIAL],
           faults.seen[INTERRUPTED], faults.seen[NO_MEMORY], faults.seen[BUSY]);
    for (uint32_t i = 0; i < FAULTS && contract_is_uring(); i++) {
        assert_true(faults.seen[i] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enters_that_do_less_than_asked),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}
