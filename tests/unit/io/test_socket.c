/*
 * Goal: addresses and listening sockets: what is accepted, what is refused, and what the refusal
 * says. Method: a table of texts; listeners on loopback, and each way in which opening one can fail
 * that a test can bring about. Fails if: an address is misread, a wrong one is taken, a port is not
 * reported, a setting is missing, or an error does not say the mend.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/probe.h"
#include "io/socket.h"

static void addresses_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: refused */
        bool loopback;
    } CASES[] = {
        {"127.0.0.1:9000", "127.0.0.1:9000", true},
        {"127.9.9.9:0", "127.9.9.9:0", true},
        {"10.1.2.3:65535", "10.1.2.3:65535", false},
        {"0.0.0.0:1", "0.0.0.0:1", false},
        {"[::1]:0", "[::1]:0", true},
        {"[::]:80", "[::]:80", false},
        {"[::ffff:127.0.0.1]:7", "[::ffff:127.0.0.1]:7", true},
        {"[::ffff:10.0.0.1]:7", "[::ffff:10.0.0.1]:7", false},
        {"127.0.0.1", NULL, false},
        {"127.0.0.1:", NULL, false},
        {"127.0.0.1:65536", NULL, false},
        {"127.0.0.1:-1", NULL, false},
        {"127.0.0.1:+1", NULL, false},
        {"127.0.0.1:1x", NULL, false},
        {"127.0.0.1:000001", NULL, false},
        {":9000", NULL, false},
        {"", NULL, false},
        {"::1:9000", NULL, false},
        {"[::1]", NULL, false},
        {"[]:1", NULL, false},
        {"[::1:9000", NULL, false},
        {"no such host:9", NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct oc_io_address address;
        char error[OC_IO_SOCKET_ERROR_BYTES] = "";
        char text[OC_IO_ADDRESS_TEXT_BYTES];
        int rc = oc_io_address_parse(CASES[i].text, &address, error);
        bool unresolved = strstr(error, "cannot be resolved") != NULL;
        assert_int_equal(oc_io_address_check(CASES[i].text, error), unresolved ? 0 : rc);
        if (CASES[i].expected == NULL) {
            assert_int_equal(rc, -EINVAL);
            assert_non_null(strstr(error, CASES[i].text));
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(oc_io_address_text(&address, text, sizeof(text)), 0);
        assert_string_equal(text, CASES[i].expected);
        assert_int_equal(oc_io_address_is_loopback(&address), CASES[i].loopback);
        assert_int_equal(oc_io_address_text(&address, text, 3), -ENOSPC);
    }
}

static void a_listener_has_its_settings(void **state)
{
    struct oc_io_listen_options options = {.backlog = 5, .congestion = "reno"};
    struct oc_io_address address;
    struct oc_io_address bound;
    char error[OC_IO_SOCKET_ERROR_BYTES] = "";
    char text[OC_IO_ADDRESS_TEXT_BYTES];
    char name[16] = "";
    int value = 0;
    socklen_t size = sizeof(value);

    (void)state;
    assert_int_equal(oc_io_address_parse("127.0.0.1:0", &address, error), 0);
    int fd = oc_io_listen_open(&address, &options, &bound, error);
    assert_true(fd >= 0);
    assert_int_equal(oc_io_address_text(&bound, text, sizeof(text)), 0);
    assert_int_equal(strncmp(text, "127.0.0.1:", 10), 0);
    assert_string_not_equal(text, "127.0.0.1:0");
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    assert_int_not_equal(value, 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &size), 0);
    assert_int_not_equal(value, 0);
    size = sizeof(name);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
    assert_string_equal(name, "reno");
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);

    struct oc_io_address again;
    assert_int_equal(oc_io_listen_open(&bound, &options, &again, error), -EADDRINUSE);
    assert_non_null(strstr(error, text));
    assert_non_null(strstr(error, "ss -ltnp"));
    close(fd);
}

static void failures_say_the_mend(void **state)
{
    struct oc_io_listen_options options = {.congestion = "no-such-control"};
    struct oc_io_address address;
    struct oc_io_address bound;
    char error[OC_IO_SOCKET_ERROR_BYTES] = "";

    (void)state;
    assert_int_equal(oc_io_address_parse("127.0.0.1:0", &address, error), 0);
    assert_int_equal(oc_io_listen_open(&address, &options, &bound, error), -ENOENT);
    assert_non_null(strstr(error, "tcp_available_congestion_control"));
    options.congestion = NULL;
    assert_int_equal(oc_io_address_parse("192.0.2.1:0", &address, error), 0);
    assert_int_equal(oc_io_listen_open(&address, &options, &bound, error), -EADDRNOTAVAIL);
    assert_non_null(strstr(error, "ip address"));
}

static void epoll_is_chosen_without_asking_io_uring(void **state)
{
    struct oc_io_probe_report report;
    char reason[OC_IO_REASON_BYTES] = "";
    enum oc_io_mode mode;

    (void)state;
    assert_int_equal(oc_io_mode_parse("epoll", &mode), 0);
    assert_ptr_equal(oc_io_choose(mode, &report, reason, sizeof(reason)), &oc_io_epoll_ops);
    assert_false(report.was_tried);
    assert_int_equal(report.step_count, 0);
    assert_int_equal(oc_io_mode_parse("uring", &mode), -EINVAL);
    assert_int_equal(oc_io_mode_parse("auto", &mode), 0);
    const struct oc_io_ops *ops = oc_io_choose(mode, &report, reason, sizeof(reason));
    assert_ptr_equal(ops, report.is_available ? &oc_io_uring_ops : &oc_io_epoll_ops);
    assert_true(report.is_available || report.cause[0] != '\0');
    assert_true(report.is_available || report.mend[0] != '\0');
    assert_int_equal(strncmp(reason, ops->name, strlen(ops->name)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(a_listener_has_its_settings),
        cmocka_unit_test(failures_say_the_mend),
        cmocka_unit_test(epoll_is_chosen_without_asking_io_uring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
