/*
 * Goal: connections that come and go leave nothing behind: no descriptor, buffer, chunk or slot,
 * no memory, and no worker thread of io_uring.
 * Method: 20,000 connections, 50 at a time, or OC_CONNECTS of them (1000000 takes minutes); each
 * asks and is answered, then ends in one of five ways, in turns.
 * Fails if: anything is still held afterwards, resident memory has grown, or a thread iou-wrk was
 * seen.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/contract.h"

#define OPS(contract)    ((contract).ops)
#define CONNECTS_DEFAULT 20000U
#define AT_ONCE          50U

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static uint32_t connects_wanted(void)
{
    const char *text = getenv("OC_CONNECTS");
    unsigned long value = text == NULL ? CONNECTS_DEFAULT : strtoul(text, NULL, 10);

    assert_true(value >= AT_ONCE && value <= 100000000UL);
    return (uint32_t)value;
}

static uint32_t worker_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    uint32_t count = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        char path[300];
        char name[32] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file != NULL) {
            count += fgets(name, sizeof(name), file) != NULL && strncmp(name, "iou-", 4) == 0;
            fclose(file);
        }
    }
    closedir(folder);
    return count;
}

static uint64_t resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long all = 0;
    unsigned long resident = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &all, &resident), 2);
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/** A peer with one of many addresses, so that ports are not used up by TIME_WAIT. */
static int join(const struct contract *contract, uint32_t number)
{
    const int one = 1;
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(0x7f000001U + (number / AT_ONCE) % 250),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&contract->address.storage, contract->address.size),
        0);
    return fd;
}

static struct oc_conn fresh[AT_ONCE];
static uint32_t fresh_count;

static void collect(struct contract *contract, const struct oc_io_event *event)
{
    (void)contract;
    if (event->kind == OC_IO_ACCEPTED) {
        fresh[fresh_count++] = event->conn;
    }
}

/** Fifty that come, ask, are answered and end. */
static void come_and_go(struct contract *contract, uint32_t number)
{
    int peers[AT_ONCE];
    char byte;

    fresh_count = 0;
    for (uint32_t p = 0; p < AT_ONCE; p++) {
        peers[p] = join(contract, number + p);
        assert_int_equal(send(peers[p], "order", 5, MSG_NOSIGNAL), 5);
    }
    contract_until(contract, &contract->accepted, number + AT_ONCE);
    for (uint32_t p = 0; p < AT_ONCE; p++) {
        contract_peer_expect(contract, peers[p], "order", 5);
    }
    for (uint32_t p = 0; p < AT_ONCE; p++) {
        /* By the peer: reset, or a clean end; by us: flush, abort, flush with the peer gone. */
        if (p % 5 == 0) {
            contract_peer_reset(peers[p]);
        } else if (p % 5 == 1) {
            assert_int_equal(shutdown(peers[p], SHUT_WR), 0);
        } else {
            /* Accepted in the order in which they came, or not: every end is somebody's. */
            (void)send(peers[p], "more", 4, MSG_NOSIGNAL);
        }
    }
    contract_poll(contract, 0);
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        if (contract_conn(contract, fresh[i])->open) {
            (void)OPS(*contract)->close(contract->io, fresh[i],
                                        i % 2 == 0 ? OC_IO_CLOSE_FLUSH : OC_IO_CLOSE_ABORT);
        }
    }
    contract_poll(contract, 0);
    for (uint32_t p = 0; p < AT_ONCE; p++) {
        if (p % 5 != 0) {
            (void)recv(peers[p], &byte, 1, MSG_DONTWAIT);
            contract_peer_reset(peers[p]);
        }
    }
    contract_until(contract, &contract->closed, number + AT_ONCE);
}

static void connections_leave_nothing(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    const uint32_t wanted = connects_wanted();
    uint32_t workers = 0;
    uint32_t done = 0;

    (void)state;
    contract_open(&contract, &config);
    contract.echo = true;
    contract.on_event = collect;
    contract_poll(&contract, 0);
    uint32_t fds = contract_fd_count();
    uint64_t start_kib = 0;
    uint64_t start_ns = contract_clock_ns();
    for (; done < wanted; done += AT_ONCE) {
        come_and_go(&contract, done);
        if (done % 10000 == 0) {
            workers += worker_threads();
            start_kib = done == 10000 || start_kib == 0 ? resident_kib() : start_kib;
        }
    }
    uint64_t taken_ns = contract_clock_ns() - start_ns;
    uint64_t end_kib = resident_kib();
    contract_poll(&contract, 0);
    contract_poll(&contract, 0);
    struct oc_io_stats stats = contract_stats(&contract);
    assert_true(stats.accepted == done);
    assert_true(stats.closed == done);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.buffers_used, 0);
    assert_int_equal(stats.chunks_used, 0);
    assert_int_equal(contract_fd_count(), fds);
    assert_int_equal(workers + worker_threads(), 0);
    printf("             %u connections in %.1f s, descriptors %u, resident %llu -> %llu KiB\n",
           done, (double)taken_ns / 1e9, fds, (unsigned long long)start_kib,
           (unsigned long long)end_kib);
    assert_true(end_kib < start_kib + 2048);
    contract_close(&contract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_leave_nothing),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}
