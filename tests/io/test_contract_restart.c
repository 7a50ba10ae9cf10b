/*
 * Goal: a server that was killed with connections open can be started again at once on its port.
 * Method: a child process serves on each backend and is killed with SIGKILL while connections are
 * open and its listener is armed; then the parent opens the same port, as a new server would, and
 * echoes. io_uring's listener outlives its process until the kernel has taken the ring down.
 * Fails if: the port cannot be had within a second, or what was taken over does not serve.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/contract.h"

#define OPS(contract) ((contract).ops)

enum { PEERS = 50, ROUNDS = 5 };

/** The child: says its address, accepts, says that it has, and serves until it is killed. */
static void serve_until_killed(int out)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    char done = 1;

    contract_open(&contract, &config);
    contract.echo = true;
    if (write(out, &contract.address, sizeof(contract.address)) != sizeof(contract.address)) {
        _exit(1);
    }
    contract_until(&contract, &contract.accepted, PEERS);
    (void)!write(out, &done, 1);
    for (uint64_t end_ns = contract_clock_ns() + 20000000000ULL; contract_clock_ns() < end_ns;) {
        contract_poll(&contract, 1000000000ULL);
    }
    _exit(1);
}

/** Starts a child, connects, kills it. Returns when it is gone. */
static void be_killed(struct oc_io_address *address, int peers[PEERS])
{
    int ends[2];
    char done = 0;
    int status;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        serve_until_killed(ends[1]);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], address, sizeof(*address)), sizeof(*address));
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(peers[p] >= 0);
        assert_int_equal(connect(peers[p], (struct sockaddr *)&address->storage, address->size), 0);
    }
    assert_int_equal(read(ends[0], &done, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(ends[0]);
}

static void the_port_of_a_killed_server_can_be_had(void **state)
{
    struct oc_io_listen_options options = {.backlog = 64};
    struct oc_io_config config = contract_config();
    struct oc_io_address address;
    struct oc_io_address bound;
    struct contract contract;
    struct oc_conn conn;
    char error[OC_IO_SOCKET_ERROR_BYTES] = "";
    int peers[PEERS];
    uint64_t longest_ns = 0;

    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        be_killed(&address, peers);
        uint64_t start_ns = contract_clock_ns();
        int fd = oc_io_listen_open(&address, &options, &bound, error);
        if (fd < 0) {
            fail_msg("%s: round %u: %s", contract_ops->name, round, error);
        }
        uint64_t taken_ns = contract_clock_ns() - start_ns;
        longest_ns = taken_ns > longest_ns ? taken_ns : longest_ns;
        contract_open(&contract, &config);
        assert_int_equal(OPS(contract)->listen(contract.io, fd, 99), 0);
        contract.address = bound;
        contract.echo = true;
        int peer = contract_accepted_peer(&contract, &conn);
        contract_peer_write(&contract, peer, "again", 5);
        contract_peer_expect(&contract, peer, "again", 5);
        assert_int_equal(OPS(contract)->unlisten(contract.io, 99), 0);
        close(fd);
        close(peer);
        contract_close(&contract);
        for (uint32_t p = 0; p < PEERS; p++) {
            close(peers[p]);
        }
    }
    printf("             the port was free after %llu us at most\n",
           (unsigned long long)(longest_ns / 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_port_of_a_killed_server_can_be_had),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}
